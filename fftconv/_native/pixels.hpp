// Samples in and out: any type and layout to rows of numbers without gaps, and back, rounded and saturated.
// Included by kernels.cpp inside the namespace of its level.
#pragma once

// ------------------------------------------------------------------------------------- reading the source

template <class S>
struct Unaligned {
    typedef S type __attribute__((aligned(1), may_alias));
};

// `count` pixels, `pixel` bytes apart, of `channels` numbers, `channel` bytes apart.
template <class S, class T>
void read_pixels(T* out, const char* source, Int count, Int pixel, Int channels, Int channel) {
    typedef typename Unaligned<S>::type U;
    constexpr Int item = sizeof(S);
    if (channel == item && pixel == channels * item) {
        const U* from = reinterpret_cast<const U*>(source);
        for (Int i = 0; i < count * channels; ++i) out[i] = static_cast<T>(from[i]);
    } else if (channels == 1) {
        for (Int i = 0; i < count; ++i) out[i] = static_cast<T>(*reinterpret_cast<const U*>(source + i * pixel));
    } else {
        for (Int i = 0; i < count; ++i)
            for (Int c = 0; c < channels; ++c)
                out[i * channels + c] =
                    static_cast<T>(*reinterpret_cast<const U*>(source + i * pixel + c * channel));
    }
}

// Sums of small integers are added up in integers, which are exact and narrow, and leave as floats.
template <class T>
struct Weighed {
    using type = T;
    static constexpr bool in_float = false;
};
template <>
struct Weighed<std::uint16_t> {
    using type = float;
    static constexpr bool in_float = true;
};
template <>
struct Weighed<std::uint32_t> {
    using type = float;
    static constexpr bool in_float = true;
};

// Adds a row of `count` numbers to the sums and takes another away; a null row is of zeros.
template <class S, class T>
void exchange_rows(T* sums, const char* added, const char* removed, Int count) {
    typedef typename Unaligned<S>::type U;
    const U* plus = reinterpret_cast<const U*>(added);
    const U* minus = reinterpret_cast<const U*>(removed);
    if (plus && minus)
        for (Int i = 0; i < count; ++i) sums[i] = static_cast<T>(sums[i] + plus[i] - minus[i]);
    else if (plus)
        for (Int i = 0; i < count; ++i) sums[i] = static_cast<T>(sums[i] + plus[i]);
    else if (minus)
        for (Int i = 0; i < count; ++i) sums[i] = static_cast<T>(sums[i] - minus[i]);
}

template <class T>
using Exchange = void (*)(T*, const char*, const char*, Int);

// For sums of small integers; of others, sources are many, and these are the most common ones.
template <class T>
Exchange<T> exchanger(Type type) {
    if constexpr (Weighed<T>::in_float) {
        if (type == Type::u8) return exchange_rows<std::uint8_t, T>;
        if constexpr (sizeof(T) > 2) return exchange_rows<std::uint16_t, T>;
    }
    return type == Type::i64 || type == Type::u64 ? exchange_rows<T, T> : nullptr;
}

template <class T>
using Read = void (*)(T*, const char*, Int, Int, Int, Int);

template <class T>
Read<T> reader(Type type);

template <>
Read<float> reader<float>(Type type) {
    if (type == Type::u8) return read_pixels<std::uint8_t, float>;
    if (type == Type::u16) return read_pixels<std::uint16_t, float>;
    return read_pixels<float, float>;
}

template <class T>
Read<T> integer_reader(Type type) {
    switch (type) {
        case Type::u8: return read_pixels<std::uint8_t, T>;
        case Type::i8: return read_pixels<std::int8_t, T>;
        case Type::u16: return read_pixels<std::uint16_t, T>;
        case Type::i16: return read_pixels<std::int16_t, T>;
        case Type::u32: return read_pixels<std::uint32_t, T>;
        case Type::i32: return read_pixels<std::int32_t, T>;
        case Type::u64: return read_pixels<std::uint64_t, T>;
        default: return read_pixels<std::int64_t, T>;
    }
}

template <>
Read<double> reader<double>(Type type) {
    if (type == Type::f32) return read_pixels<float, double>;
    if (type == Type::f64) return read_pixels<double, double>;
    return integer_reader<double>(type);
}

template <>
Read<std::uint64_t> reader<std::uint64_t>(Type type) {
    return integer_reader<std::uint64_t>(type);
}

template <>
Read<std::uint16_t> reader<std::uint16_t>(Type) {
    return read_pixels<std::uint8_t, std::uint16_t>;
}

template <>
Read<std::uint32_t> reader<std::uint32_t>(Type type) {
    if (type == Type::u8) return read_pixels<std::uint8_t, std::uint32_t>;
    return read_pixels<std::uint16_t, std::uint32_t>;
}

// ------------------------------------------------------------------------------------- writing the target

// Adding 1.5 * 2^23 rounds half to even and leaves the number in the low bits.
constexpr float ROUNDING = 12582912.0f;
constexpr std::int32_t ROUNDING_BITS = 0x4B400000;
constexpr double WIDE_ROUNDING = 6755399441055744.0;  // 1.5 * 2^52, for doubles

template <class T>
constexpr T rounding_of = static_cast<T>(sizeof(T) == sizeof(float) ? ROUNDING : WIDE_ROUNDING);

INLINE double round_half_even(double value) { return (value + WIDE_ROUNDING) - WIDE_ROUNDING; }

template <class D>
INLINE D low_bits(float rounded) {
    std::int32_t bits;
    __builtin_memcpy(&bits, &rounded, sizeof bits);
    return static_cast<D>(bits);
}

template <class D>
struct Limits {
    static constexpr bool is_signed = static_cast<D>(-1) < static_cast<D>(0);
    static constexpr double lowest = is_signed ? -2147483648.0 : 0.0;
    static constexpr double highest = is_signed ? 2147483647.0 : static_cast<double>(static_cast<D>(~static_cast<D>(0)));
};

// What becomes of a number before it is rounded.
struct Unchanged {
    template <class V>
    INLINE V operator()(V value) const {
        return value;
    }
};

template <class T>
struct Product {
    T factor;

    template <class V>
    INLINE V operator()(V value) const {
        return value * factor;
    }
};

// (sum + offset) / divisor for whole numbers, such that rounding it gives what rounding the exact quotient does, as long
// as |sum + offset| is below 2^22 in float, 2^51 in double. An integer near by leaves an exact remainder. Half a divisor of
// that, times the reciprocal, is a half, or so near that the sum with a larger integer rounds to it, and 0 is even. Other
// remainders are further from a half than the error. None of it depends on whether a multiply-add rounds once.
template <class T>
struct Quotient {
    T divisor = 1, offset = 0, reciprocal = 1;

    Quotient() = default;
    explicit Quotient(const Job& job)
        : divisor(static_cast<T>(job.divisor)), offset(static_cast<T>(job.offset)), reciprocal(1 / divisor) {}

    template <class V>
    INLINE V operator()(V sum) const {
        sum += offset;
        const V whole = (sum * reciprocal + rounding_of<T>) - rounding_of<T>;
        return whole + (sum - whole * divisor) * reciprocal;
    }
};

template <class D>
INLINE D saturate(float value) {
    constexpr float highest = static_cast<float>(Limits<D>::highest);
    value = value > 0.0f ? value : 0.0f;
    value = value < highest ? value : highest;
    return low_bits<D>(value + ROUNDING);
}

template <class D>
INLINE D saturate(double value) {
    value = value > Limits<D>::lowest ? value : Limits<D>::lowest;
    value = value < Limits<D>::highest ? value : Limits<D>::highest;
    return static_cast<D>(static_cast<std::int32_t>(round_half_even(value)));
}

// A number of the arithmetic as one of the target: floats become integers of the image by rounding and saturating.
template <class D, class T>
INLINE D convert(T value) {
    if constexpr (is_float<T> && !is_float<D> && sizeof(D) <= 4)
        return saturate<D>(value);
    else
        return static_cast<D>(value);
}

// As many numbers as fill vectors, changed, rounded and saturated; how many were done. Where what comes of them FITS the
// integers, a product is rounded by one multiply-add.
template <bool FITS, class T, class D, class Change>
Int saturate_vectors(D* to, const T* from, Int count, const Change& change) {
    constexpr int lanes = Lanes<float>::count;
    typedef typename Lanes<float>::Vector Floats;
    typedef T Numbers __attribute__((vector_size(lanes * sizeof(T))));
    typedef D Narrow __attribute__((vector_size(lanes * sizeof(D))));
    typedef std::int32_t Bits __attribute__((vector_size(VECTOR_BYTES)));
    const Floats zero = {}, highest = zero + static_cast<float>(Limits<D>::highest);
    Int i = 0;
    for (; i + lanes <= count; i += lanes) {
        Numbers numbers;
        __builtin_memcpy(&numbers, from + i, sizeof numbers);
        Floats value = change(__builtin_convertvector(numbers, Floats));
        if constexpr (!FITS) {
            value = value > zero ? value : zero;
            value = value < highest ? value : highest;
        }
        value += ROUNDING;
        // The low bits are the number. GCC 12 narrows a result of integer arithmetic in one instruction, but the
        // bits of a float one by one, which takes four times as long in all.
        const Narrow narrow = __builtin_convertvector((Bits)value - ROUNDING_BITS, Narrow);
        __builtin_memcpy(to + i, &narrow, sizeof narrow);
    }
    return i;
}

// The same of doubles.
template <class D, class Change>
Int saturate_vectors(D* to, const double* from, Int count, const Change& change) {
    constexpr int lanes = Lanes<double>::count;
    typedef typename Lanes<double>::Vector Doubles;
    typedef D Narrow __attribute__((vector_size(lanes * sizeof(D))));
    typedef std::int32_t Whole __attribute__((vector_size(lanes * sizeof(std::int32_t))));
    const Doubles lowest = Doubles{} + Limits<D>::lowest, highest = Doubles{} + Limits<D>::highest;
    Int i = 0;
    for (; i + lanes <= count; i += lanes) {
        Doubles value = change(load(from + i));
        value = value > lowest ? value : lowest;
        value = value < highest ? value : highest;
        value = (value + WIDE_ROUNDING) - WIDE_ROUNDING;
        const Narrow narrow = __builtin_convertvector(__builtin_convertvector(value, Whole), Narrow);
        __builtin_memcpy(to + i, &narrow, sizeof narrow);
    }
    return i;
}

template <class T, class D, class Change>
void write_changed(char* target, const T* from, Int count, Int pixel, Int channels, Int channel, const Change& change) {
    typedef typename Unaligned<D>::type U;
    constexpr Int item = sizeof(D);
    if (channel == item && pixel == channels * item) {
        U* to = reinterpret_cast<U*>(target);
        Int i = 0;
        if constexpr (is_float<T> && !is_float<D> && sizeof(D) <= 4) {
            D* const numbers = reinterpret_cast<D*>(target);
            if constexpr (sizeof(T) == sizeof(float))
                i = saturate_vectors<false>(numbers, from, count * channels, change);
            else
                i = saturate_vectors(numbers, from, count * channels, change);
        }
        for (; i < count * channels; ++i) to[i] = convert<D>(change(from[i]));
    } else {
        for (Int i = 0; i < count; ++i)
            for (Int c = 0; c < channels; ++c)
                *reinterpret_cast<U*>(target + i * pixel + c * channel) =
                    convert<D>(change(from[i * channels + c]));
    }
}

// `count` pixels from numbers without gaps, divided as the job says.
template <class T, class D>
void write_pixels(const Job& job, char* target, const T* from, Int count, Int pixel, Int channels, Int channel) {
    if constexpr (is_float<T> && !is_float<D> && sizeof(D) <= 4) {
        if (job.division == Division::quotient) {
            write_changed<T, D>(target, from, count, pixel, channels, channel, Quotient<T>(job));
            return;
        }
        if (job.division == Division::product) {
            const Product<T> product{1 / static_cast<T>(job.divisor)};
            write_changed<T, D>(target, from, count, pixel, channels, channel, product);
            return;
        }
    }
    write_changed<T, D>(target, from, count, pixel, channels, channel, Unchanged());
}

template <class T>
using Write = void (*)(const Job&, char*, const T*, Int, Int, Int, Int);

template <class T>
Write<T> writer(Type type);

template <>
Write<float> writer<float>(Type type) {
    if (type == Type::u8) return write_pixels<float, std::uint8_t>;
    if (type == Type::u16) return write_pixels<float, std::uint16_t>;
    return write_pixels<float, float>;
}

template <>
Write<double> writer<double>(Type type) {
    if (type == Type::u8) return write_pixels<double, std::uint8_t>;
    if (type == Type::u16) return write_pixels<double, std::uint16_t>;
    if (type == Type::i32) return write_pixels<double, std::int32_t>;
    if (type == Type::i64) return write_pixels<double, std::int64_t>;  // proven to be whole and in range
    return write_pixels<double, double>;
}

template <>
Write<std::uint64_t> writer<std::uint64_t>(Type) {
    return write_pixels<std::uint64_t, std::uint64_t>;
}
