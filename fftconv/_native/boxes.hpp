// Sums of windows of equal taps, `running_sum`, at a cost that the number of taps hardly changes. Included by
// kernels.cpp inside the namespace of its level.
//
// First down the columns, for one output row after the other, then along that row. Floats are weighed by the tap before
// they are added, as in the definition; integers after, so that their sums stay exact.
#pragma once

template <class T>
class Boxes {
    using Vector = typename Lanes<T>::Vector;
    static constexpr Int LANES = Lanes<T>::count;
    static constexpr bool SUMS_ROUND = is_float<T>;
    static constexpr Int FEW = 8;           // neighbours that are added one by one
    static constexpr Int MOST_LEVELS = 32;  // of which each makes sums of four times as many

public:
    explicit Boxes(const Job& job)
        : job_(job),
          write_(writer<typename Weighed<T>::type>(job.target_type)),
          rounded_(undivided(job)),
          numbers_(job.channels),
          levels_(count_levels(job.columns.axis.taps)),
          source_(job),
          places_(job, widest(), !SUMS_ROUND, LANES, !SUMS_ROUND ? 1 : few() ? ROWS : job.rows.axis.taps) {
        const bool contiguous = job.channel_source == job.source_item && job.columns.source == numbers_ * job.source_item;
        if (contiguous && !SUMS_ROUND) exchange_ = exchanger<T>(job.source_type);
        in_place_ = contiguous && (SUMS_ROUND ? job.reads_as_is : exchange_ != nullptr);
        straight_ = job.channel_target == job.target_item && job.columns.target == numbers_ * job.target_item;
        reach_ = places_.columns() - 1 + job.columns.axis.taps;
        length_ = up(reach_ * numbers_ + 2 * LANES, LANES);
    }

    // What a thread needs.
    Int bytes() { return take(Parts(nullptr)); }

    Outcome run(Next next, void* counter) {
        const Memory memory(take(Parts(nullptr)));
        if (memory.failed()) return Outcome::no_memory;
        take(Parts(memory.get()));
        clear(rows_, length_ * (rows() + levels_ + 1));  // vectors read beyond the ends of rows
        if constexpr (Weighed<T>::in_float) choose_rounding();
        for (Int index = next(counter); index < places_.count(); index = next(counter)) {
            const Place place = places_[index];
            source_.look(job_.columns.axis.first + place.left, place.right - place.left - 1 + job_.columns.axis.taps);
            find_span();
            if constexpr (!SUMS_ROUND)
                add_and_subtract(place);
            else if (few())
                add_few(place);
            else
                add_blocks(place);
        }
        return Outcome::finite;
    }

private:
    static Int count_levels(Int taps) {
        Int levels = 0;
        for (; taps > FEW; taps /= 4) ++levels;
        return levels;
    }

    bool few() const { return job_.rows.axis.taps <= FEW; }

    // Of sums down the columns, and of what they are made of; then there are those of each level, and of the totals.
    Int rows() const { return !SUMS_ROUND ? 3 : job_.rows.axis.taps + (few() ? 2 * ROWS - 1 : 4); }

    // Columns of a strip: its rows in a first-level cache, but for the columns read twice; in a second-level one if
    // these are many.
    Int widest() const {
        const Int column = (rows() + levels_) * numbers_ * static_cast<Int>(sizeof(T));
        return least(most(NEAR_BYTES / column, 8 * job_.columns.axis.taps), FAR_BYTES / column);
    }

    // The bytes it needs, which are at the parts' memory if they have any.
    Int take(Parts parts) {
        rows_ = parts.take<T>(length_ * (rows() + levels_ + 1));
        weighed_ = parts.take<float>(Weighed<T>::in_float ? length_ : 0);
        source_.take(parts, reach_);
        return parts.taken();
    }

    T* row(Int index) const { return rows_ + index * length_; }
    T* level(Int index) const { return row(rows() + index); }

    // Calls compute(x) for the vectors of a row from x on; the last ones overlap, so no result may be among what is read.
    template <class Compute>
    static INLINE void across(Int width, Compute compute, Int x = 0) {
        for (; x + LANES <= width; x += LANES) compute(x);
        if (x < width) compute(most(width - LANES, 0));
    }

    // ----------------------------------------------------------------------------------------- the source

    // Which numbers of a row are added up down the columns: those between the edges where rows are read where they
    // lie, all where they are read into a row of ours.
    void find_span() {
        const Inside& in = source_.inside();
        const Int width = (in.high - in.low) * numbers_;
        const bool enough = SUMS_ROUND ? width >= LANES : source_.fill_is_0() || job_.rows.axis.outside;
        direct_ = in_place_ && enough && source_.ends_follow();
        left_ = direct_ ? in.low * numbers_ : 0;
        width_ = direct_ ? width : in.reach * numbers_;
    }

    // Where the numbers of the row at `position` lie; null if it is outside.
    const char* source_row(const Place& place, Int position) const {
        const Int sample = sample_at(job_.rows.axis, position);
        if (sample < 0) return nullptr;
        const Inside& in = source_.inside();
        return place.source + sample * job_.rows.source + (in.start + in.low) * job_.columns.source;
    }

    // ------------------------------------------------------------------------------- sums down the columns

    // A row of the source where it lies, if that can be, or else in the row `fresh` of ours.
    const T* read_row(const Place& place, Int position, T* fresh) {
        const char* there = direct_ ? source_row(place, position) : nullptr;
        if (there && reinterpret_cast<std::uintptr_t>(there) % sizeof(T) == 0) return reinterpret_cast<const T*>(there);
        source_.read(fresh, place.source, position, reach_);
        return fresh + left_;
    }

    // Where a row lies that will be read later; null if it will not be read where it lies.
    const char* row_ahead(const Place& place, Int position) const {
        return direct_ && position < job_.rows.axis.size ? source_row(place, position) : nullptr;
    }

    // Windows of few rows, each added up by itself and all in the same way, for ROWS output rows that share most of what
    // they read.
    template <int SIZE = FEW>
    void add_few(const Place& place) {
        if constexpr (SIZE > 1)
            if (job_.rows.axis.taps < SIZE) return add_few<SIZE - 1>(place);
        constexpr int HELD = SIZE + ROWS - 1;
        const Int first = job_.rows.axis.first;
        const Vector tap = Vector{} + *static_cast<const T*>(job_.taps);
        const T* held[HELD];  // row i of the source at i % HELD
        Int row_read = place.top;
        for (Int top = place.top; top < place.bottom; top += ROWS) {
            const Int count = least(ROWS, place.bottom - top);
            for (; row_read < top + count + SIZE - 1; ++row_read)
                held[row_read % HELD] = read_row(place, first + row_read, row(row_read % HELD));
            const T* from[HELD];
            const char* next[ROWS];
            for (Int i = 0; i < HELD; ++i) from[i] = held[(top + least(i, count + SIZE - 2)) % HELD];
            for (int r = 0; r < ROWS; ++r) next[r] = row_ahead(place, first + row_read + r);
            across(width_, [&](Int x) INLINE_LAMBDA {
                Vector sums[ROWS] = {};  // or the first product would be rounded, and others, that are added, not
#pragma GCC unroll 16
                for (int i = 0; i < HELD; ++i) {
                    const Vector numbers = load(from[i] + x);
                    for (int r = 0; r < ROWS; ++r)
                        if (i >= r && i < r + SIZE) sums[r] += numbers * tap;
                }
                for (int r = 0; r < ROWS; ++r) {
                    if (next[r]) fetch<0>(next[r] + x * static_cast<Int>(sizeof(T)), VECTOR_BYTES);
                    store(row(HELD + r) + left_ + x, sums[r]);
                }
            });
            for (Int r = 0; r < count; ++r) deliver(row(HELD + r), top + r, place);
        }
    }

    // A window is the end of one block of rows and the start of the next (van Herk 1992, Gil and Werman 1993).
    // Nothing is ever subtracted, so rounding errors do not build up and a NaN stays in the windows that hold it.
    void add_blocks(const Place& place) {
        const Int size = job_.rows.axis.taps, first = job_.rows.axis.first;
        const T tap = *static_cast<const T*>(job_.taps);
        T *const fresh = row(size), *const sum = row(size + 1);
        T* prefixes[] = {row(size + 2) + left_, row(size + 3) + left_};
        constexpr Int ahead = 2;  // rows that are asked for early, so that memory works meanwhile
        const auto read = [&](Int position) { return read_row(place, position, fresh); };
        for (Int top = place.top; top < place.bottom; top += size) {
            for (Int i = size - 1; i >= 0; --i) {
                const T* const from = read(first + top + i);
                T* const suffix = row(i) + left_;
                if (i == size - 1)
                    across(width_, [&](Int x) INLINE_LAMBDA { store(suffix + x, load(from + x) * tap); });
                else
                    across(width_, [&](Int x) INLINE_LAMBDA {
                        store(suffix + x, load(from + x) * tap + load(suffix + length_ + x));
                    });
            }
            deliver(row(0), top, place);
            for (Int i = 1; i < least(size, place.bottom - top); ++i) {
                const T *const from = read(first + top + size + i - 1), *const suffix = row(i) + left_;
                const T* const before = prefixes[i % 2];
                T *const prefix = prefixes[1 - i % 2], *const to = sum + left_;
                const char* const next = row_ahead(place, first + top + size + i - 1 + ahead);
                across(width_, [&](Int x) INLINE_LAMBDA {
                    if (next) fetch<0>(next + x * static_cast<Int>(sizeof(T)), VECTOR_BYTES);
                    const Vector start = load(from + x) * tap;
                    const Vector total = i == 1 ? start : start + load(before + x);
                    store(prefix + x, total);
                    store(to + x, total + load(suffix + x));
                });
                deliver(sum, top + i, place);
            }
        }
    }

    // Sums of integers are exact, so the row that leaves the window may be subtracted again.
    void add_and_subtract(const Place& place) {
        const Int size = job_.rows.axis.taps, first = job_.rows.axis.first;
        T *const sum = row(0), *const fresh = row(1), *const old = row(2);
        const auto exchange = [&](Int added, Int removed) {
            if (direct_) {
                exchange_(sum + left_, source_row(place, added), removed < added ? source_row(place, removed) : nullptr,
                          width_);
                return;
            }
            source_.read(fresh, place.source, added, reach_);
            if (removed < added) source_.read(old, place.source, removed, reach_);
            exchange_rows<T, T>(sum, reinterpret_cast<const char*>(fresh),
                                removed < added ? reinterpret_cast<const char*>(old) : nullptr, width_);
        };
        clear(sum, length_);
        for (Int i = 0; i < size; ++i) exchange(first + place.top + i, first + place.top + i);
        for (Int y = place.top;; ++y) {
            deliver(sum, y, place);
            if (y + 1 == place.bottom) break;
            exchange(first + y + size, first + y);
        }
    }

    // ---------------------------------------------------------------------------------- sums along the row

    // An output row from sums down the columns.
    void deliver(T* sums, Int y, const Place& place) {
        const Int length = (place.right - place.left) * numbers_;
        char* const target = place.target + (y - place.top) * job_.rows.target;
        const bool at_once = straight_ && job_.writes_as_is && length >= LANES;
        T* const total = at_once ? reinterpret_cast<T*>(target) : level(levels_);
        if (direct_) source_.put_ends(sums);
        const bool asks = at_once && y + 1 < place.bottom && is_large(job_.rows.axis.outputs, job_.rows.target);
        add_neighbours(total, sums, length, asks ? target + job_.rows.target : nullptr);
        if (at_once) return;
        if constexpr (Weighed<T>::in_float) {
            if (straight_ && job_.target_type == Type::u8 && (in_float_ || (in_integers_ && fits_)))
                write_bytes(reinterpret_cast<std::uint8_t*>(target), total, length);
            else
                write(weigh(total, length), target, place);
        } else {
            write(total, target, place);
        }
    }

    // total[x] is the sum of `taps` pixels of `sums` from x on, as that of few sums of 1, 4, 16, ... neighbours.
    // The row that is written next, if it is given, is asked for meanwhile.
    void add_neighbours(T* total, const T* sums, Int length, const char* following) {
        const T* terms[FEW + 3 * MOST_LEVELS];
        int count = 0;
        Int offset = 0, power = numbers_, valid = source_.inside().reach * numbers_;
        const T* from = sums;
        Int made = 0;
        for (Int left = job_.columns.axis.taps;;) {
            const Int digit = left <= FEW ? left : left % 4;
            for (Int i = 0; i < digit; ++i, offset += power) terms[count++] = from + offset;
            left = (left - digit) / 4;
            if (!left) break;
            T* const to = level(made++);
            valid -= 3 * power;
            for (Int x = 0; x < valid; x += LANES)
                store(to + x, load(from + x) + load(from + x + power) +
                                  (load(from + x + 2 * power) + load(from + x + 3 * power)));
            from = to;
            power *= 4;
        }
        constexpr Int block = WIDE * LANES, item = sizeof(T);
        Int x = 0;
        for (; following && x + block <= length; x += block) {
            fetch<1>(following + x * item, block * item);
            add_terms<WIDE>(total, terms, count, x);
        }
        for (; x + block <= length; x += block) add_terms<WIDE>(total, terms, count, x);
        across(length, [&](Int x) INLINE_LAMBDA { add_terms<1>(total, terms, count, x); }, x);
    }

    template <int W>
    INLINE void add_terms(T* total, const T* const* terms, int count, Int x) const {
        Vector sums[W];
        for (int w = 0; w < W; ++w) sums[w] = load(terms[0] + x + w * LANES);
        for (int i = 1; i < count; ++i)
            for (int w = 0; w < W; ++w) sums[w] += load(terms[i] + x + w * LANES);
        // Of integers, but for small ones, which leave as floats.
        if constexpr (!SUMS_ROUND && !Weighed<T>::in_float)
            for (int w = 0; w < W; ++w) sums[w] *= *static_cast<const T*>(job_.taps);
        for (int w = 0; w < W; ++w) store(total + x + w * LANES, sums[w]);
    }

    // ------------------------------------------------------------------------------------------- the target

    void write(const typename Weighed<T>::type* from, char* target, const Place& place) const {
        const Job& job = Weighed<T>::in_float ? rounded_ : job_;
        write_(job, target, from, place.right - place.left, job_.columns.target, numbers_, job_.channel_target);
    }

    static Job undivided(Job job) {
        job.division = Division::none;
        return job;
    }

    // Times the tap, or the quotient, in double precision, as sums of words are larger than a float holds; and rounded
    // here, if at all.
    const float* weigh(const T* total, Int length) const {
        if (in_integers_) {
            const WideMean mean = wide_mean_;
            for (Int x = 0; x < length; ++x) weighed_[x] = static_cast<float>(mean(static_cast<std::int32_t>(total[x])));
            return weighed_;
        }
        const double tap = tap_;
        if (job_.division == Division::quotient) {
            const double shift = job_.offset / job_.divisor;
            for (Int x = 0; x < length; ++x) {
                const double value = static_cast<double>(total[x]) * tap + shift;
                weighed_[x] = static_cast<float>(round_half_even((value + GRID) - GRID));
            }
            return weighed_;
        }
        const bool whole = job_.target_type == Type::u8 || job_.target_type == Type::u16;
        for (Int x = 0; x < length; ++x) {
            const double value = static_cast<double>(total[x]) * tap;
            weighed_[x] = static_cast<float>(whole ? round_half_even(value) : value);
        }
        return weighed_;
    }

    void write_bytes(std::uint8_t* to, T* total, Int length) const {
        if (divides_) {
            const Mean mean = mean_;
            if (mean.ties) {
                for (Int x = 0; x < length; ++x) total[x] = mean.to_even(static_cast<std::uint16_t>(total[x]));
                narrow(to, total, length, [](auto number) INLINE_LAMBDA { return number; });
            } else {
                for (Int x = 0; x < length; ++x) total[x] = mean.multiply(static_cast<std::uint16_t>(total[x]));
                narrow(to, total, length, [&](auto number) INLINE_LAMBDA { return number >> mean.shift; });
            }
            return;
        }
        if (in_integers_ && fits_) {
            const WideMean mean = wide_mean_;
            for (Int x = 0; x < length; ++x) to[x] = static_cast<std::uint8_t>(mean(static_cast<std::int32_t>(total[x])));
            return;
        }
        const float tap = static_cast<float>(tap_);
        if (job_.division == Division::quotient) {
            write_floats(to, total, length, [&](auto sum) INLINE_LAMBDA { return (sum * tap + BYTE_GRID) - BYTE_GRID; });
        } else {
            write_floats(to, total, length, Product<float>{tap});
        }
    }

    template <class Change>
    static INLINE void narrow(std::uint8_t* to, const T* from, Int length, Change change) {
        if (length >= LANES)
            across(length, [&](Int x) INLINE_LAMBDA { store_bytes(to + x, change(load(from + x))); });
        else
            for (Int x = 0; x < length; ++x) to[x] = static_cast<std::uint8_t>(change(from[x]));
    }

    template <class Change>
    INLINE void write_floats(std::uint8_t* to, const T* total, Int length, const Change& change) const {
        Int x = fits_ ? saturate_vectors<true>(to, total, length, change) : saturate_vectors<false>(to, total, length, change);
        for (; x < length; ++x) {
            const float value = change(static_cast<float>(total[x]));
            to[x] = fits_ ? low_bits<std::uint8_t>(value + ROUNDING) : saturate<std::uint8_t>(value);
        }
    }

    // Means of bytes: the half of the divisor is added, and a product of 16-bit integers divides, whose upper half is kept.
    // There is an instruction for that, and GCC finds it in `multiply` if the half is stored before it is shifted.
    struct Mean {
        std::uint16_t divisor = 1, half = 0, factor = 0, shift = 0;
        bool ties = false;  // whether a mean may lie half-way between two integers

        INLINE std::uint16_t multiply(std::uint16_t sum) const {
            const std::uint32_t rounded = static_cast<std::uint16_t>(sum + half);
            return static_cast<std::uint16_t>((rounded * factor) >> 16);
        }

        // A sum that lies half-way has been rounded up: with the half it is a multiple of the divisor.
        INLINE std::uint16_t to_even(std::uint16_t sum) const {
            const std::uint16_t mean = static_cast<std::uint16_t>(multiply(sum) >> shift);
            const bool tie = static_cast<std::uint16_t>(mean * divisor) == static_cast<std::uint16_t>(sum + half);
            return static_cast<std::uint16_t>(tie ? mean & 0xFFFE : mean);
        }
    };

    // Means of sums of 32 bits: a float is near the quotient, off by one at most, and the remainder corrects it.
    struct WideMean {
        std::int32_t divisor = 1, half = 0, ties = 0;  // 1 if a mean may lie half-way between two integers
        float factor = 1;

        INLINE std::int32_t operator()(std::int32_t sum) const {
            const std::int32_t shifted = sum + half;
            std::int32_t mean = static_cast<std::int32_t>(static_cast<float>(shifted) * factor);
            const std::int32_t rest = shifted - mean * divisor;
            mean += static_cast<std::int32_t>(rest >= divisor) - static_cast<std::int32_t>(rest < 0);
            const std::int32_t tie = static_cast<std::int32_t>(rest == 0) | static_cast<std::int32_t>(rest == divisor);
            return mean & ~(tie & ties);  // half-way sums have been rounded up
        }
    };

    static INLINE void store_bytes(std::uint8_t* to, Vector numbers) {
        typedef std::uint8_t Bytes __attribute__((vector_size(LANES)));
        const Bytes bytes = __builtin_convertvector(numbers, Bytes);
        __builtin_memcpy(to, &bytes, sizeof bytes);
    }

    // How sums become numbers of the target. Adding and subtracting a large number leaves a multiple of its last digit, so a
    // quotient that lies half-way between two integers is exactly there; others are further away than one such digit.
    static constexpr float BYTE_GRID = 768.0f;  // quotients to 255, in steps of 2^-14: for divisors to 4096
    static constexpr double GRID = 25165824.0;  // to 65535, in steps of 2^-28

    void choose_rounding() {
        const double tap = *static_cast<const float*>(job_.taps);
        const double samples = static_cast<double>(job_.rows.axis.taps * job_.columns.axis.taps);
        const double largest = (job_.source_type == Type::u8 ? 255.0 : 65535.0) * samples;
        const bool bytes = job_.source_type == Type::u8 && job_.target_type == Type::u8;
        const bool divides = job_.division != Division::none;
        tap_ = tap / job_.divisor;
        in_float_ = !divides || (largest * (tap < 0 ? -tap : tap) < 0x1p22 && job_.offset == 0 && job_.divisor <= 4096);
        fits_ = bytes && tap >= 0 && job_.offset == 0 && largest * tap / job_.divisor < 255.5;
        if (fits_ && sizeof(T) == 2 && divides && tap == 1) find_mean(largest);
        if (sizeof(T) == 4 && divides && tap == 1 && job_.offset == 0 && !in_float_) find_wide_mean(largest);
    }

    void find_wide_mean(double largest) {
        const double half = static_cast<double>(static_cast<Int>(job_.divisor) / 2);
        // The float is off by less than 1.8e-7 of the quotient.
        in_integers_ = largest + half < 0x1p30 && largest < 65536 * job_.divisor;
        if (!in_integers_) return;
        wide_mean_.divisor = static_cast<std::int32_t>(job_.divisor);
        wide_mean_.half = static_cast<std::int32_t>(half);
        wide_mean_.ties = wide_mean_.divisor % 2 == 0;
        wide_mean_.factor = static_cast<float>(1 / job_.divisor);
    }

    // The integer product for such a divisor d: factor = (2^(16 + shift) + e) / d with the least e, so that it is off by
    // less than 1 / d, and the integer below is right, for all sums up to 2^(16 + shift) / e.
    void find_mean(double largest) {
        const Int divisor = static_cast<Int>(job_.divisor), half = divisor / 2;
        const Int most = static_cast<Int>(largest) + half;
        Int shift = 0;
        while ((Int{1} << (16 + shift)) < divisor << 15) ++shift;
        const Int power = Int{1} << (16 + shift), factor = ratio(power, divisor);
        if (divisor < 2 || most > 0xFFFF || factor > 0xFFFF || (factor * divisor - power) * most >= power) return;
        mean_.divisor = static_cast<std::uint16_t>(divisor);
        mean_.half = static_cast<std::uint16_t>(half);
        mean_.factor = static_cast<std::uint16_t>(factor);
        mean_.shift = static_cast<std::uint16_t>(shift);
        mean_.ties = divisor % 2 == 0;
        divides_ = true;
    }

    const Job& job_;
    const Write<typename Weighed<T>::type> write_;
    const Job rounded_;            // for sums that are divided before they are written
    const Int numbers_, levels_;  // per pixel; of sums along a row
    SourceRows<T> source_;
    Places places_;
    Exchange<T> exchange_ = nullptr;
    bool in_place_, straight_;      // whether rows of the source, and of the target, are numbers without gaps
    Int reach_, length_;            // pixels that the widest tile reads, and numbers of its rows with room beyond
    bool direct_ = false;           // whether the tile at hand reads rows where they lie
    Int left_ = 0, width_ = 0;
    double tap_ = 0;
    bool in_float_ = false;  // whether floats hold the sums
    bool fits_ = false, divides_ = false, in_integers_ = false;
    Mean mean_;
    WideMean wide_mean_;
    T* rows_ = nullptr;
    float* weighed_ = nullptr;
};
