// Overlap-save of lines, with many tiles abreast: each lane of the vectors holds a line of its own, so that every step
// of a transform does the same for all of them. Included by kernels.cpp inside the namespace of its level.
//
// Row i of the tiles is a vector of their samples number i, the real parts, and a vector of the imaginary parts.
// Blocks of samples are transposed in registers on the way in, and of outputs on the way out. Nothing passes from lane
// to lane, so that results do not depend on which tiles are abreast.
#pragma once

// A stage that is not the last one, over all of these rows.
template <bool FORWARD, class T>
INLINE void pass_lanes(T* re, T* im, Int points, int radix, const T* twiddles) {
    constexpr Int row = 2 * Lanes<T>::count;
    if (radix == 4)
        pass<FORWARD, 4, true, 1>(re, im, row, points, points, twiddles);
    else
        pass<FORWARD, 2, true, 1>(re, im, row, points, points, twiddles);
}

// Stages of a transform, and back, from `stage` on, of the `points` rows that it takes at once, the first of which is
// row `first`: every part of them goes through all further stages before the next one, while it is in the cache. At
// the last stage `turn(first, points, radix)` has them.
template <bool FORWARD, bool BACK, class T, class Turn>
void descend(T* rows, Int first, Int points, const Length<T>& length, int stage, Turn turn) {
    constexpr Int lanes = Lanes<T>::count, row = 2 * lanes;
    const int radix = length.radix[stage];
    if (stage == length.stages - 1) {
        turn(first, points, radix);
        return;
    }
    T *const re = rows + first * row, *const im = re + lanes;
    const T* const twiddles = length.twiddles[stage];
    if constexpr (FORWARD) pass_lanes<true>(re, im, points, radix, twiddles);
    const Int part = stage == length.stages - 2 ? points : points / radix;  // the last stage has loops of its own
    for (Int done = 0; done < points; done += part)
        descend<FORWARD, BACK>(rows, first + done, part, length, stage + 1, turn);
    if constexpr (BACK) pass_lanes<false>(re, im, points, radix, twiddles);
}

// The last stage, the product with a spectrum, and the first stage back; or only what is before the product, or after.
template <bool FORWARD, bool BACK, int RADIX, class T>
INLINE void turn_rows(T* to, const T* from, Int points, const T* spectrum) {
    constexpr Int lanes = Lanes<T>::count, row = 2 * lanes;
    for (Int i = 0; i < points; i += RADIX, to += RADIX * row, from += RADIX * row) {
        Complex<T> x[RADIX];
        for (int k = 0; k < RADIX; ++k) x[k] = {load(from + k * row), load(from + k * row + lanes)};
        if constexpr (FORWARD) butterfly<true>(x);
        if constexpr (BACK) {
            for (int k = 0; k < RADIX; ++k) x[k] = times<false>(x[k], spectrum[2 * (i + k)], spectrum[2 * (i + k) + 1]);
            butterfly<false>(x);
        }
        for (int k = 0; k < RADIX; ++k) {
            store(to + k * row, x[k].re);
            store(to + k * row + lanes, x[k].im);
        }
    }
}

// Transforms of all lanes FORWARD, BACK after a product with a spectrum, or both, in place or, if only back, from other
// rows.
template <bool FORWARD, bool BACK, class T>
void transform_lanes(T* rows, const T* from, const Length<T>& length, const T* spectrum = nullptr) {
    constexpr Int row = 2 * Lanes<T>::count;
    descend<FORWARD, BACK>(rows, 0, length.points, length, 0, [&](Int first, Int points, int radix) {
        T* const to = rows + first * row;
        const T *const read = from + first * row, *const of = BACK ? spectrum + 2 * first : nullptr;
        if (radix == 4)
            turn_rows<FORWARD, BACK, 4>(to, read, points, of);
        else if (radix == 3)
            turn_rows<FORWARD, BACK, 3>(to, read, points, of);
        else
            turn_rows<FORWARD, BACK, 2>(to, read, points, of);
    });
}

template <class T>
class Abreast {
    static constexpr Int lanes = Lanes<T>::count;
    using Vector = typename Lanes<T>::Vector;

public:
    explicit Abreast(const Job& job)
        : job_(job),
          reading_(every_sample(job)),
          source_(reading_),
          length_(static_cast<const Transform<T>*>(job.transform)->down),
          parts_(job.components == 2 ? 1 : 2),
          spots_(job, Cut{1, 0, 0, 1}, cut_axis(job, job.columns.axis, length_.points, true), parts_ * lanes),
          outputs_(job, 1),
          in_place_(job.reads_as_is && job.columns.source == job.components * static_cast<Int>(sizeof(T))),
          whole_(reads(spots_.along.outputs) * job.components / lanes * lanes),
          scale_(static_cast<T>(1) / static_cast<T>(length_.points)) {}

    Outcome run(Next next, void* counter) {
        const Memory memory(take(Parts(nullptr)));
        if (memory.failed()) return Outcome::no_memory;
        take(Parts(memory.get()));
        clear(nothing_, length_.points * job_.components);
        const bool finite = spots_.each(next, counter, [&](Int first, Int count) { return convolve(first, count); });
        return finite ? Outcome::finite : Outcome::not_finite;
    }

    // The spectra of the job's kernels, a real and an imaginary part for each row; as many kernels abreast.
    Outcome prepare(T* spectra, Int kernels) {
        const Memory memory(take(Parts(nullptr)));
        if (memory.failed()) return Outcome::no_memory;
        take(Parts(memory.get()));
        const Axis& axis = job_.columns.axis;
        const T* taps = static_cast<const T*>(job_.taps);  // turned for correlation
        for (Int done = 0; done < kernels; done += lanes) {
            const Int count = least(kernels - done, lanes);
            clear(rows_, length_.points * 2 * lanes);
            for (Int lane = 0; lane < count; ++lane)
                for (Int c = 0; c < job_.components; ++c)
                    for (Int i = axis.taps - 1; i >= 0; --i)
                        rows_[(2 * i * axis.dilation + c) * lanes + lane] = *taps++;
            transform_lanes<true, false>(rows_, rows_, length_);
            for (Int lane = 0; lane < count; ++lane)
                for (Int i = 0; i < 2 * length_.points; ++i) *spectra++ = rows_[i * lanes + lane];
        }
        return Outcome::finite;
    }

private:
    Int take(Parts parts) {
        const Int numbers = length_.points * job_.components;
        rows_ = parts.take<T>(length_.points * 2 * lanes);
        shared_ = parts.take<T>(spots_.kernels() > 1 ? length_.points * 2 * lanes : 0);
        lines_ = parts.take<T>(numbers * lanes);
        nothing_ = parts.take<T>(numbers);
        outputs_.take(parts, length_.points);
        source_.take(parts, length_.points);
        return parts.taken();
    }

    // The tiles from `number` on, so many; whether their outputs are finite.
    bool convolve(Int number, Int count) {
        for (Int part = 0; part < parts_; ++part) {
            Samples from[lanes];
            for (Int lane = 0; lane < lanes; ++lane) {
                const Int tile = lane * parts_ + part;
                from[lane] = {nothing_, nothing_};
                if (tile < count) from[lane] = samples_of(spots_.at(number + tile), lines_ + lane * line_numbers());
            }
            T* const to = (spots_.kernels() > 1 ? shared_ : rows_) + part * lanes;
            for (Int i = 0; i < whole_; i += lanes)
                gather(to + i * apart(), [&](Int lane) { return from[lane].most + i; });
            for (Int i = whole_; i < line_numbers(); i += lanes)
                gather(to + i * apart(), [&](Int lane) { return from[lane].rest + i; });
        }
        const Int kernels = spots_.kernels();
        const Spot spot = spots_.at(number);
        if (kernels > 1) transform_lanes<true, false>(shared_, shared_, length_);
        bool finite = true;
        for (Int kernel = 0; kernel < kernels; ++kernel) {
            const T* const spectrum =
                static_cast<const T*>(job_.spectrum) + spots_.kernel_of(spot, kernel) * 2 * length_.points;
            if (kernels > 1)
                transform_lanes<false, true>(rows_, shared_, length_, spectrum);
            else
                transform_lanes<true, true>(rows_, rows_, length_, spectrum);
            for (Int part = 0; part < parts_; ++part)
                finite &= deliver(number, count, part, kernels > 1 ? spots_.offset_of(kernel) : 0);
        }
        return finite;
    }

    Int line_numbers() const { return length_.points * job_.components; }

    // From a number of a line to the next, in the rows: of complex lines the imaginary part is the next number.
    Int apart() const { return lanes * parts_; }

    // What so many outputs of a tile read.
    Int reads(Int outputs) const {
        const Cut& cut = spots_.along;
        return least(least((outputs - 1) * job_.columns.axis.step + cut.lead + 1, cut.reads), length_.points);
    }

    // Where the first `whole_` numbers of a tile begin, and where they would, if the rest of them lay behind.
    struct Samples {
        const T *most, *rest;
    };

    // The samples of a tile and zeros behind them: in a line of ours, but for those that can be read where they lie.
    Samples samples_of(const Spot& spot, T* line) {
        const Axis& axis = job_.columns.axis;
        const Int c = job_.components, pixel = job_.columns.source;
        const Int left = spots_.along.first + spot.left * axis.step, count = reads(spot.width);
        const char* const start = spot.source + left * pixel;
        const bool there = in_place_ && spot.width == spots_.along.outputs && left >= 0 && left + count <= axis.size &&
                           reinterpret_cast<std::uintptr_t>(start) % sizeof(T) == 0;
        const Int skipped = there ? whole_ / c : 0;
        if (count > skipped) source_.read_line(line + skipped * c, spot.source, left + skipped, count - skipped);
        clear(line + count * c, line_numbers() - count * c);
        return {there ? reinterpret_cast<const T*>(start) : line, line};
    }

    // As many numbers of every line, as that number of rows.
    template <class Where>
    INLINE void gather(T* to, Where where) const {
        Vector block[lanes];
        for (Int lane = 0; lane < lanes; ++lane) block[lane] = load(where(lane));
        transpose_from<1>(block);
        for (Int k = 0; k < lanes; ++k) store(to + k * apart(), block[k]);
    }

    // The outputs of every tile of a part, `offset` bytes further; whether they are finite.
    bool deliver(Int number, Int count, Int part, Int offset) {
        const Int step = job_.columns.axis.step, pixels = (spots_.along.outputs - 1) * step + 1;
        T* to[lanes];
        bool there[lanes] = {};  // in the target
        for (Int lane = 0; lane < lanes; ++lane) {
            const Int tile = lane * parts_ + part;
            to[lane] = lines_ + lane * line_numbers();
            if (!outputs_.straight || step > 1 || pixels * job_.components < lanes || tile >= count) continue;
            const Spot spot = spots_.at(number + tile);
            char* const target = spot.target + offset;
            there[lane] = spot.width == pixels && reinterpret_cast<std::uintptr_t>(target) % sizeof(T) == 0;
            if (there[lane]) to[lane] = reinterpret_cast<T*>(target);
        }
        const Vector zeros = scatter(to, part, pixels * job_.components);
        bool finite = true;
        for (Int lane = 0; lane < lanes && lane * parts_ + part < count; ++lane) {
            if (there[lane]) {
                finite &= zeros[lane] == 0;
                continue;
            }
            const Spot spot = spots_.at(number + lane * parts_ + part);
            T* const line = to[lane];
            const Int c = job_.components;
            for (Int x = 1; step > 1 && x < spot.width; ++x)
                for (Int k = 0; k < c; ++k) line[x * c + k] = line[x * step * c + k];
            finite &= outputs_.put(spot.target + offset, line, spot.width);
        }
        return finite;
    }

    // So many numbers of every line, scaled, from the first output on; a lane is 0 if all of its numbers are finite.
    // The lines of a target start alike in memory, and all stores but the first and the last are aligned.
    Vector scatter(T* const (&to)[lanes], Int part, Int numbers) {
        const T* const from = rows_ + spots_.along.lead * 2 * lanes + part * lanes;
        Vector zeros = {};
        if (numbers < lanes) {
            for (Int i = 0; i < numbers; ++i)
                for (Int lane = 0; lane < lanes; ++lane) to[lane][i] = from[i * apart() + lane] * scale_;
            return zeros;
        }
        const Int unaligned = static_cast<Int>(reinterpret_cast<std::uintptr_t>(to[0]) / sizeof(T)) % lanes;
        for (Int i = 0, next = lanes - unaligned;; i = next, next += lanes) {
            i = least(i, numbers - lanes);
            Vector block[lanes];
            for (Int k = 0; k < lanes; ++k) {
                block[k] = load(from + (i + k) * apart()) * scale_;
                zeros += block[k] * static_cast<T>(0);
            }
            transpose_from<1>(block);
            for (Int lane = 0; lane < lanes; ++lane) store(to[lane] + i, block[lane]);
            if (i == numbers - lanes) return zeros;
        }
    }

    const Job& job_;
    const Job reading_;
    SourceRows<T> source_;
    const Length<T>& length_;
    const Int parts_;  // of the numbers in a lane, each a tile's
    const Spots spots_;
    Outputs<T> outputs_;
    const bool in_place_;
    const Int whole_;  // numbers of a line that fill vectors
    const T scale_;
    T *rows_ = nullptr, *shared_ = nullptr;
    T *lines_ = nullptr, *nothing_ = nullptr;  // a line for each lane; one of zeros
};
