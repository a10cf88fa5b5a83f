// Fourier transforms of a tile: complex numbers in two planes, real and imaginary parts apart, so that a vector
// holds as many columns. Included by kernels.cpp inside the namespace of its level.
//
// Forward transforms decimate in frequency and leave their results in digit-reversed order; inverse transforms
// decimate in time and take them so. Spectra are only ever multiplied with one another, so nothing is put in
// order. Along the rows a transform of A * lanes numbers is one of length A over vectors, a multiplication by
// twiddle factors, and one of length `lanes` over the lanes, for which blocks are transposed in registers.
// (J. W. Cooley, J. W. Tukey, Math. Comp. 19 (1965); W. M. Gentleman, G. Sande, Proc. AFIPS 29 (1966).)
#pragma once

// ------------------------------------------------------------------------------------------ twiddle factors

// One precision more than T, in which twiddle factors are found.
template <class T>
struct Finer;
template <>
struct Finer<float> {
    using type = double;
    static double sine(double x) { return ::sin(x); }
    static double cosine(double x) { return ::cos(x); }
};
template <>
struct Finer<double> {
    using type = long double;
    static long double sine(long double x) { return ::sinl(x); }
    static long double cosine(long double x) { return ::cosl(x); }
};

// Powers of exp(-2 pi i / length): products of one number from each of two short tables.
template <class T>
class Roots {
    using F = typename Finer<T>::type;

public:
    explicit Roots(Int length) : length_(length) {
        while ((Int(1) << 2 * bits_) < length) ++bits_;
        fine_ = Int(1) << bits_;
        coarse_ = ratio(length, fine_);
        table_ = static_cast<F*>(malloc(static_cast<size_t>(2 * (fine_ + coarse_)) * sizeof(F)));
        if (!table_) return;
        for (Int i = 0; i < fine_; ++i) put(table_ + 2 * i, i);
        for (Int i = 0; i < coarse_; ++i) put(table_ + 2 * (fine_ + i), i * fine_);
    }
    ~Roots() { free(table_); }
    Roots(const Roots&) = delete;
    Roots& operator=(const Roots&) = delete;

    bool failed() const { return table_ == nullptr; }

    // For powers from 0 to length - 1.
    void get(Int power, T& real, T& imaginary) const {
        const F* a = table_ + 2 * (power & (fine_ - 1));
        const F* b = table_ + 2 * (fine_ + (power >> bits_));
        real = static_cast<T>(a[0] * b[0] - a[1] * b[1]);
        imaginary = static_cast<T>(a[0] * b[1] + a[1] * b[0]);
    }

private:
    void put(F* to, Int power) const {
        // Angles are folded into an eighth of the circle, where sine and cosine are most exact.
        constexpr F pi = static_cast<F>(3.14159265358979323846264338327950288L);
        const Int eighth = 8 * power / length_, turn = (eighth + 1) / 2;  // quarter turns, rounded
        const F angle = pi * static_cast<F>(4 * power - turn * length_) / static_cast<F>(2 * length_);
        const F c = Finer<T>::cosine(angle), s = Finer<T>::sine(angle);
        const F reals[] = {c, -s, -c, s}, imaginaries[] = {s, c, -s, -c};
        to[0] = reals[turn % 4];
        to[1] = -imaginaries[turn % 4];
    }

    const Int length_;
    Int bits_ = 0, fine_, coarse_;
    F* table_;
};

// ---------------------------------------------------------------------------------------------- one length

constexpr int MOST_STAGES = 16;

// A transform along one axis: stages of radix 4, and at the end of 2 or 3 where it takes them. Each has twiddle
// factors [j][1 .. radix - 1], real part and imaginary part; the last needs none.
template <class T>
struct Length {
    Int points = 1;
    int stages = 0;
    int radix[MOST_STAGES];
    const T* twiddles[MOST_STAGES];

    // Which frequency stands at a place after the forward transform.
    Int frequency(Int place) const {
        Int block = points, below = 1, result = 0;
        for (int s = 0; s < stages; ++s) {
            block /= radix[s];
            result += place / block * below;
            place %= block;
            below *= radix[s];
        }
        return result;
    }
};

template <class T>
bool plan_length(Length<T>& length, Int points, Parts& parts) {
    length.points = points;
    const Roots<T> roots(points);
    if (roots.failed()) return false;
    for (Int rest = points; rest > 1;) {
        const int radix = rest % 4 == 0 ? 4 : rest % 2 == 0 ? 2 : 3;
        const Int apart = rest / radix;
        T* to = parts.take<T>(2 * (radix - 1) * apart);
        if (to)
            for (Int j = 0; j < apart; ++j)
                for (int k = 1; k < radix; ++k, to += 2) roots.get(points / rest * j * k, to[0], to[1]);
        length.radix[length.stages] = radix;
        length.twiddles[length.stages++] = to ? to - 2 * (radix - 1) * apart : nullptr;
        rest = apart;
    }
    return true;
}

// ---------------------------------------------------------------------------------------------- butterflies

template <class T>
struct Complex {
    typename Lanes<T>::Vector re, im;
};

template <class T>
INLINE Complex<T> operator+(Complex<T> a, Complex<T> b) {
    return {a.re + b.re, a.im + b.im};
}
template <class T>
INLINE Complex<T> operator-(Complex<T> a, Complex<T> b) {
    return {a.re - b.re, a.im - b.im};
}

// a * w, or a times the conjugate of w.
template <bool CONJUGATE, class T, class W>
INLINE Complex<T> times(Complex<T> a, W re, W im) {
    if constexpr (CONJUGATE) return {a.re * re + a.im * im, a.im * re - a.re * im};
    return {a.re * re - a.im * im, a.re * im + a.im * re};
}

// The transform of RADIX numbers, in place; sign -1 in the exponent forward, +1 backward.
template <bool FORWARD, class T>
INLINE void butterfly(Complex<T> (&x)[2]) {
    const Complex<T> difference = x[0] - x[1];
    x[0] = x[0] + x[1];
    x[1] = difference;
}

template <bool FORWARD, class T>
INLINE void butterfly(Complex<T> (&x)[3]) {
    constexpr T half = static_cast<T>(-0.5);
    constexpr T root = static_cast<T>(FORWARD ? -0.866025403784438646763723170752936183L
                                              : 0.866025403784438646763723170752936183L);
    const Complex<T> sum = x[1] + x[2], difference = x[1] - x[2];
    const Complex<T> middle = {x[0].re + sum.re * half, x[0].im + sum.im * half};
    x[0] = x[0] + sum;
    x[1] = {middle.re - difference.im * root, middle.im + difference.re * root};
    x[2] = {middle.re + difference.im * root, middle.im - difference.re * root};
}

template <bool FORWARD, class T>
INLINE void butterfly(Complex<T> (&x)[4]) {
    const Complex<T> even = x[0] + x[2], odd = x[0] - x[2], sum = x[1] + x[3], difference = x[1] - x[3];
    const Complex<T> turned = FORWARD ? Complex<T>{difference.im, -difference.re}
                                      : Complex<T>{-difference.im, difference.re};
    x[0] = even + sum;
    x[1] = odd + turned;
    x[2] = even - sum;
    x[3] = odd - turned;
}

// One stage over blocks of `block` rows, `stride` numbers apart, of WIDE vectors.
template <bool FORWARD, int RADIX, bool TWIDDLED, int WIDE, class T>
INLINE void pass(T* re, T* im, Int stride, Int points, Int block, const T* twiddles) {
    const Int apart = block / RADIX, jump = apart * stride;
    for (Int j = 0; j < apart; ++j) {
        const T* w = twiddles + 2 * (RADIX - 1) * j;
        for (Int base = j; base < points; base += block) {
            T *real = re + base * stride, *imaginary = im + base * stride;
            for (int v = 0; v < WIDE; ++v, real += Lanes<T>::count, imaginary += Lanes<T>::count) {
                Complex<T> x[RADIX];
                for (int k = 0; k < RADIX; ++k) x[k] = {load(real + k * jump), load(imaginary + k * jump)};
                if constexpr (TWIDDLED && !FORWARD)
                    for (int k = 1; k < RADIX; ++k) x[k] = times<true>(x[k], w[2 * k - 2], w[2 * k - 1]);
                butterfly<FORWARD>(x);
                if constexpr (TWIDDLED && FORWARD)
                    for (int k = 1; k < RADIX; ++k) x[k] = times<false>(x[k], w[2 * k - 2], w[2 * k - 1]);
                for (int k = 0; k < RADIX; ++k) {
                    store(real + k * jump, x[k].re);
                    store(imaginary + k * jump, x[k].im);
                }
            }
        }
    }
}

// Transforms of WIDE vectors of columns, in place.
template <bool FORWARD, int WIDE, class T>
void transform(T* re, T* im, Int stride, const Length<T>& length) {
    Int block = FORWARD ? length.points : 1;
    for (int n = 0; n < length.stages; ++n) {
        const int s = FORWARD ? n : length.stages - 1 - n;
        const int radix = length.radix[s];
        if constexpr (!FORWARD) block *= radix;
        const T* twiddles = length.twiddles[s];
        if (radix == 4 && block > 4)
            pass<FORWARD, 4, true, WIDE>(re, im, stride, length.points, block, twiddles);
        else if (radix == 4)
            pass<FORWARD, 4, false, WIDE>(re, im, stride, length.points, block, twiddles);
        else if (radix == 3)
            pass<FORWARD, 3, false, WIDE>(re, im, stride, length.points, block, twiddles);
        else if (block > 2)
            pass<FORWARD, 2, true, WIDE>(re, im, stride, length.points, block, twiddles);
        else
            pass<FORWARD, 2, false, WIDE>(re, im, stride, length.points, block, twiddles);
        if constexpr (FORWARD) block /= radix;
    }
}

// The transform over as many vectors as a vector has lanes, of which every bound is known.
template <bool FORWARD, class T>
INLINE void transform_across(T* re, T* im, const Length<T>& length) {
    constexpr int lanes = Lanes<T>::count;
    static_assert(lanes == 16 || lanes == 8 || lanes == 4 || lanes == 2, "as `plan_length` cuts them into stages");
    const T *const first = length.twiddles[0];
    if constexpr (lanes == 2) {
        pass<FORWARD, 2, false, 1>(re, im, lanes, lanes, 2, first);
    } else if constexpr (lanes == 4) {
        pass<FORWARD, 4, false, 1>(re, im, lanes, lanes, 4, first);
    } else {
        constexpr int last = lanes / 4;
        if constexpr (FORWARD) pass<true, 4, true, 1>(re, im, lanes, lanes, lanes, first);
        pass<FORWARD, last, false, 1>(re, im, lanes, lanes, last, length.twiddles[1]);
        if constexpr (!FORWARD) pass<false, 4, true, 1>(re, im, lanes, lanes, lanes, first);
    }
}

// ------------------------------------------------------------------------------------------------ transpose

template <int...>
struct Indices {};
template <int COUNT, int... I>
struct Counting : Counting<COUNT - 1, COUNT - 1, I...> {};
template <int... I>
struct Counting<0, I...> {
    using type = Indices<I...>;
};

template <int STEP, class T, int... LANE>
INLINE void exchange_halves(T& a, T& b, Indices<LANE...>) {
    constexpr int count = sizeof...(LANE);
    const T low = __builtin_shufflevector(a, b, (LANE & STEP ? count + LANE - STEP : LANE)...);
    b = __builtin_shufflevector(a, b, (LANE & STEP ? count + LANE : LANE + STEP)...);
    a = low;
}

template <int STEP, class V, int COUNT>
INLINE void transpose_from(V (&rows)[COUNT]) {
    if constexpr (STEP < COUNT) {
        for (int i = 0; i < COUNT; ++i)
            if (!(i & STEP)) exchange_halves<STEP>(rows[i], rows[i + STEP], typename Counting<COUNT>::type());
        transpose_from<2 * STEP>(rows);
    }
}

// ---------------------------------------------------------------------------------------------------- tiles

// Everything that the transforms of one shape of tile need. A tile of a single line of samples lies in rows
// too, and its transform is that of its columns, twiddle factors, and that of its rows. Lines abreast are columns
// alone.
//
// In a folded tile real numbers x of a length of 2 P stand as x[n] + i x[n + P], times w^n with w = exp(i pi / 2P), the
// P-th power of which is i. Circular convolution of these is that of x, but for the sign of what wraps around.
// (H. J. Nussbaumer, Fast Fourier Transform and Convolution Algorithms, 2nd ed., 1982, section 8.3.)
template <class T>
struct Transform {
    static constexpr Int lanes = Lanes<T>::count;

    Tile kind;
    Int rows, columns, stride;
    Length<T> down, along, across;  // of columns; of vectors of a row; of lanes
    const T* row_twiddles;          // [vector of a row][real or imaginary][lane]
    const T* line_twiddles;         // [row][real or imaginary][column]; null in two dimensions
    const T* fold;                  // [real or imaginary][column], [real or imaginary][row]; null unless folded

    // Rows that are transformed together, so that their vectors fill whole blocks.
    Int together() const {
        Int a = lanes;
        while (along.points % a) a /= 2;
        return lanes / a;
    }

    Int plane() const { return rows * stride; }
};

// The bytes that a transform takes, or the transform at `memory`; -1 if there is no memory for its tables.
template <class T>
Int make_transform(Tile kind, Int rows, Int columns, bool folded, void* memory) {
    constexpr Int lanes = Lanes<T>::count;
    const bool line = kind == Tile::line;
    Transform<T> made;
    Parts parts(memory);
    auto* const at = parts.take<Transform<T>>(1);
    made.kind = kind;
    made.rows = rows;
    made.columns = columns;
    // An odd number of cache lines, so that the rows of a column fall on all sets of the cache.
    constexpr Int cache_line = CACHE_LINE / sizeof(T);
    made.stride = columns + (columns / cache_line % 2 ? 0 : cache_line);
    if (!plan_length(made.down, rows, parts)) return -1;
    if (kind == Tile::lanes) {
        if (memory) *at = made;
        return parts.taken();
    }
    if (!plan_length(made.along, columns / lanes, parts) || !plan_length(made.across, lanes, parts)) return -1;
    T* to = parts.take<T>(2 * columns);
    made.row_twiddles = to;
    T* of_line = line ? parts.take<T>(2 * rows * columns) : nullptr;
    made.line_twiddles = of_line;
    T* const fold = folded ? parts.take<T>(2 * (rows + columns)) : nullptr;
    made.fold = fold;
    if (!memory) return parts.taken();
    const Int half = line ? rows * columns : columns;  // of the numbers that are folded
    const Roots<T> roots(columns), long_roots(line ? half : 1), fold_roots(folded ? 4 * half : 1);
    if (roots.failed() || long_roots.failed() || fold_roots.failed()) return -1;
    for (Int v = 0; v < columns / lanes; ++v, to += 2 * lanes)
        for (Int lane = 0; lane < lanes; ++lane)
            roots.get(made.along.frequency(v) * lane, to[lane], to[lanes + lane]);
    if (line) {
        for (Int row = 0; row < rows; ++row, of_line += 2 * columns) {
            const Int frequency = made.down.frequency(row);  // times a column is less than the line's length
            for (Int column = 0; column < columns; ++column)
                long_roots.get(frequency * column, of_line[column], of_line[columns + column]);
        }
    }
    if (folded) {
        T* const of_rows = fold + 2 * columns;
        for (Int column = 0; column < columns; ++column) fold_roots.get(column, fold[column], fold[columns + column]);
        for (Int row = 0; row < rows; ++row)
            fold_roots.get(line ? row * columns : 0, of_rows[row], of_rows[rows + row]);
    }
    *at = made;
    return parts.taken();
}

// Transforms along the columns of a tile.
template <bool FORWARD, class T>
void transform_columns(T* re, T* im, const Transform<T>& tile) {
    constexpr int wide = 2;
    Int x = 0;
    for (; x + wide * tile.lanes <= tile.columns; x += wide * tile.lanes)
        transform<FORWARD, wide>(re + x, im + x, tile.stride, tile.down);
    for (; x < tile.columns; x += tile.lanes) transform<FORWARD, 1>(re + x, im + x, tile.stride, tile.down);
}

template <bool CONJUGATE, class T>
void turn_line(T* re, T* im, const T* twiddles, Int columns) {
    for (Int x = 0; x < columns; x += Lanes<T>::count) {
        const Complex<T> turned = times<CONJUGATE>(Complex<T>{load(re + x), load(im + x)}, load(twiddles + x),
                                                   load(twiddles + columns + x));
        store(re + x, turned.re);
        store(im + x, turned.im);
    }
}

// Transforms along the rows from `first` to `last` FORWARD, lets `visit` have the spectrum, a block of lanes * lanes
// numbers after the other, and transforms BACK; or does only the one or the other. Rows come in whole groups of
// those that are transformed together.
template <bool FORWARD, bool BACK, class T, class Visit>
void transform_rows(T* re, T* im, const Transform<T>& tile, Int first, Int last, Visit visit) {
    typedef typename Lanes<T>::Vector Vector;
    constexpr int lanes = Lanes<T>::count;
    const Int together = tile.together(), along = tile.along.points, blocks = together * along / lanes;
    alignas(64) T block_re[lanes * lanes], block_im[lanes * lanes];
    for (Int row = first; row < last; row += together) {
        if constexpr (FORWARD) {
            for (Int r = row; r < row + together; ++r) {
                T *real = re + r * tile.stride, *imaginary = im + r * tile.stride;
                if (tile.line_twiddles)
                    turn_line<false>(real, imaginary, tile.line_twiddles + 2 * r * tile.columns, tile.columns);
                transform<true, 1>(real, imaginary, lanes, tile.along);
            }
        }
        for (Int block = 0; block < blocks; ++block) {
            Int at[lanes];
            const T* twiddles[lanes];
            for (int i = 0; i < lanes; ++i) {
                const Int number = block * lanes + i, vector = number % along;
                at[i] = (row + number / along) * tile.stride + vector * lanes;
                twiddles[i] = tile.row_twiddles + 2 * vector * lanes;
            }
            Vector real[lanes], imaginary[lanes];
            if constexpr (FORWARD) {
                for (int i = 0; i < lanes; ++i) {
                    const Complex<T> x = times<false>(Complex<T>{load(re + at[i]), load(im + at[i])},
                                                      load(twiddles[i]), load(twiddles[i] + lanes));
                    real[i] = x.re;
                    imaginary[i] = x.im;
                }
                transpose_from<1>(real);
                transpose_from<1>(imaginary);
                for (int i = 0; i < lanes; ++i) {
                    store(block_re + i * lanes, real[i]);
                    store(block_im + i * lanes, imaginary[i]);
                }
                transform_across<true>(block_re, block_im, tile.across);
            }
            visit(block_re, block_im);
            if constexpr (BACK) {
                transform_across<false>(block_re, block_im, tile.across);
                for (int i = 0; i < lanes; ++i) {
                    real[i] = load(block_re + i * lanes);
                    imaginary[i] = load(block_im + i * lanes);
                }
                transpose_from<1>(real);
                transpose_from<1>(imaginary);
                for (int i = 0; i < lanes; ++i) {
                    const Complex<T> x = times<true>(Complex<T>{real[i], imaginary[i]}, load(twiddles[i]),
                                                     load(twiddles[i] + lanes));
                    store(re + at[i], x.re);
                    store(im + at[i], x.im);
                }
            }
        }
        if constexpr (BACK) {
            for (Int r = row; r < row + together; ++r) {
                T *real = re + r * tile.stride, *imaginary = im + r * tile.stride;
                transform<false, 1>(real, imaginary, lanes, tile.along);
                if (tile.line_twiddles)
                    turn_line<true>(real, imaginary, tile.line_twiddles + 2 * r * tile.columns, tile.columns);
            }
        }
    }
}

// Multiplies a folded tile by the powers of w, or by their reciprocals again.
template <bool AGAIN, class T>
void turn_fold(T* re, T* im, const Transform<T>& tile) {
    const T *const along = tile.fold, *const down = along + 2 * tile.columns;
    const typename Lanes<T>::Vector zeros = {};
    for (Int row = 0; row < tile.rows; ++row, re += tile.stride, im += tile.stride) {
        const auto c = zeros + down[row], s = zeros + down[tile.rows + row];
        for (Int x = 0; x < tile.columns; x += tile.lanes) {
            const auto w = times<false>(Complex<T>{load(along + x), load(along + tile.columns + x)}, c, s);
            const auto turned = times<!AGAIN>(Complex<T>{load(re + x), load(im + x)}, w.re, w.im);
            store(re + x, turned.re);
            store(im + x, turned.im);
        }
    }
}

// The spectrum of a tile: of each block the real parts, then the imaginary parts.
template <class T>
void find_spectrum(T* re, T* im, const Transform<T>& tile, T* spectrum) {
    constexpr Int block = Int(Lanes<T>::count) * Lanes<T>::count;
    transform_columns<true>(re, im, tile);
    transform_rows<true, false>(re, im, tile, 0, tile.rows, [&](const T* real, const T* imaginary) {
        for (Int i = 0; i < block; ++i) spectrum[i] = real[i];
        for (Int i = 0; i < block; ++i) spectrum[block + i] = imaginary[i];
        spectrum += 2 * block;
    });
}

// to = a * b, for a block of a spectrum.
template <class T>
INLINE void multiply_block(T* to_re, T* to_im, const T* re, const T* im, const T* other) {
    constexpr Int block = Int(Lanes<T>::count) * Lanes<T>::count;
    for (Int i = 0; i < block; i += Lanes<T>::count) {
        const Complex<T> x = times<false>(Complex<T>{load(re + i), load(im + i)}, load(other + i), load(other + block + i));
        store(to_re + i, x.re);
        store(to_im + i, x.im);
    }
}

// Circular convolution of a tile, in place, with the kernel of this spectrum.
template <class T>
void convolve_tile(T* re, T* im, const Transform<T>& tile, const T* spectrum) {
    constexpr Int block = Int(Lanes<T>::count) * Lanes<T>::count;
    transform_columns<true>(re, im, tile);
    transform_rows<true, true>(re, im, tile, 0, tile.rows, [&](T* real, T* imaginary) {
        multiply_block(real, imaginary, real, imaginary, spectrum);
        spectrum += 2 * block;
    });
    transform_columns<false>(re, im, tile);
}

// The tile whose spectrum is the product of two.
template <class T>
void transform_product(T* re, T* im, const Transform<T>& tile, const T* a, const T* b) {
    constexpr Int block = Int(Lanes<T>::count) * Lanes<T>::count;
    transform_rows<false, true>(re, im, tile, 0, tile.rows, [&](T* real, T* imaginary) {
        multiply_block(real, imaginary, a, a + block, b);
        a += 2 * block;
        b += 2 * block;
    });
    transform_columns<false>(re, im, tile);
}
