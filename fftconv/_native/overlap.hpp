// Overlap-save: the signal in overlapping tiles, each convolved circularly by a Fourier transform; the outputs that
// wrap around are left out. Included by kernels.cpp inside the namespace of its level.
//
// Two tiles of real numbers are the real and the imaginary part of one of complex numbers. With a real kernel they
// come out so too. Which two is settled by their numbers alone, so that results depend on no thread. The halves of a
// folded tile are the two parts instead.
// (A. V. Oppenheim, R. W. Schafer, Discrete-Time Signal Processing, 3rd ed., 2010, section 8.7.3.)
#pragma once

template <class T>
class Overlap {
public:
    explicit Overlap(const Job& job)
        : job_(job),
          reading_(every_sample(job)),
          source_(reading_),
          tile_(*static_cast<const Transform<T>*>(job.transform)),
          line_(tile_.kind == Tile::line),
          folded_(tile_.fold != nullptr),
          half_(line_ ? tile_.rows * tile_.columns : tile_.columns),
          spots_(job, line_ ? Cut{1, 0, 0, 1} : cut_axis(job, job.rows.axis, tile_.rows, false),
                 cut_axis(job, job.columns.axis, folded_ ? 2 * half_ : half_, false),
                 job.components == 2 || folded_ ? 1 : 2),
          outputs_(job, static_cast<T>(1) / static_cast<T>(tile_.rows * tile_.columns)) {}

    Outcome run(Next next, void* counter) {
        const Memory memory(take(Parts(nullptr)));
        if (memory.failed()) return Outcome::no_memory;
        take(Parts(memory.get()));
        const bool finite = spots_.each(next, counter, [&](Int first, Int count) { return convolve(first, count); });
        return finite ? Outcome::finite : Outcome::not_finite;
    }

    // The spectra of the job's kernels, each as large as two planes of a tile without gaps.
    Outcome prepare(T* spectra, Int kernels) {
        const Memory memory(take(Parts(nullptr)));
        if (memory.failed()) return Outcome::no_memory;
        take(Parts(memory.get()));
        const Axis &rows = job_.rows.axis, &columns = job_.columns.axis;
        const T* taps = static_cast<const T*>(job_.taps);  // turned for correlation
        T* const planes[] = {re_, im_};
        for (Int kernel = 0; kernel < kernels; ++kernel) {
            clear(re_, tile_.plane());
            clear(im_, tile_.plane());
            for (Int c = 0; c < job_.components; ++c) {
                for (Int i = rows.taps - 1; i >= 0; --i) {
                    for (Int j = columns.taps - 1; j >= 0;) {
                        const Int column = j * columns.dilation;
                        const Place place = place_of(i * rows.dilation, column);
                        const Int count = least(column % tile_.columns / columns.dilation, j) + 1;  // in this row
                        T* const to = planes[c + place.half] + place.at;
                        for (Int k = 0; k < count; ++k) to[-k * columns.dilation] = *taps++;
                        j -= count;
                    }
                }
            }
            if (folded_) turn_fold<false>(re_, im_, tile_);
            find_spectrum(re_, im_, tile_, spectra + kernel * spectrum_numbers());
        }
        return Outcome::finite;
    }

private:
    // The tiles from `number` on, one or two; whether their outputs are finite.
    bool convolve(Int number, Int count) {
        const Spot first = spots_.at(number), second = spots_.at(number + count - 1);
        if (folded_) {
            fill(re_, first, 0);
            fill(im_, first, half_);
            turn_fold<false>(re_, im_, tile_);
        } else if (job_.components == 2) {
            fill_complex(first);
        } else {
            fill(re_, first, 0);
            if (count == 1)
                clear(im_, tile_.plane());
            else
                fill(im_, second, 0);
        }
        const Int kernels = spots_.kernels();
        if (kernels > 1) find_spectrum(re_, im_, tile_, shared_);
        bool finite = true;
        for (Int kernel = 0; kernel < kernels; ++kernel) {
            const Int offset = kernels > 1 ? spots_.offset_of(kernel) : 0;
            const T* const spectrum =
                static_cast<const T*>(job_.spectrum) + spots_.kernel_of(first, kernel) * spectrum_numbers();
            if (kernels > 1)
                transform_product(re_, im_, tile_, shared_, spectrum);
            else
                convolve_tile(re_, im_, tile_, spectrum);
            if (folded_) turn_fold<true>(re_, im_, tile_);
            finite &= deliver(re_, first, offset);
            if (count == 2) finite &= deliver(im_, second, offset);
        }
        return finite;
    }

    Int take(Parts parts) {
        re_ = parts.take<T>(tile_.plane());
        im_ = parts.take<T>(tile_.plane());
        outputs_.take(parts, tile_.columns);
        shared_ = parts.take<T>(spots_.kernels() > 1 ? spectrum_numbers() : 0);
        source_.take(parts, tile_.columns);
        return parts.taken();
    }

    Int spectrum_numbers() const { return 2 * tile_.rows * tile_.columns; }

    // Calls read(row, position, count) for the rows of the tile, of whose samples `before` are left out: `count` pixels
    // of each are read by a spot's outputs, from the row at `position` of the source; or, of a line, from that pixel
    // on. What stands beyond the edges of a plane has been looked up.
    template <class Read>
    void each_row(const Spot& spot, Int before, Read read) {
        const Axis &rows = job_.rows.axis, &columns = job_.columns.axis;
        const Cut &down = spots_.down, &along = spots_.along;
        const Int tall = least((spot.height - 1) * rows.step + down.lead + 1, down.reads);
        const Int read_along = least((spot.width - 1) * columns.step + along.lead + 1, along.reads);
        const Int wide = least(most(read_along - before, 0), half_);
        const Int top = down.first + spot.top * rows.step, left = along.first + spot.left * columns.step + before;
        if (!line_ && wide) source_.look(left, wide);
        for (Int row = 0; row < tile_.rows; ++row) {
            const Int done = row * tile_.columns;
            const Int count = !line_ ? (row < tall ? wide : 0) : least(most(wide - done, 0), tile_.columns);
            read(row, line_ ? left + done : top + row, count);
        }
    }

    void read_row(T* to, const Spot& spot, Int position, Int count) {
        if (line_)
            source_.read_line(to, spot.source, position, count);
        else
            source_.read(to, spot.source, position, count);
    }

    void fill(T* plane, const Spot& spot, Int before) {
        each_row(spot, before, [&](Int row, Int position, Int count) {
            T* const to = plane + row * tile_.stride;
            if (count) read_row(to, spot, position, count);
            if (count < tile_.columns) clear(to + count, tile_.columns - count);
        });
    }

    void fill_complex(const Spot& spot) {
        each_row(spot, 0, [&](Int row, Int position, Int count) {
            T *const re = re_ + row * tile_.stride, *const im = im_ + row * tile_.stride, *const pairs = outputs_.row();
            if (count) read_row(pairs, spot, position, count);
            for (Int i = 0; i < count; ++i) {
                re[i] = pairs[2 * i];
                im[i] = pairs[2 * i + 1];
            }
            clear(re + count, tile_.columns - count);
            clear(im + count, tile_.columns - count);
        });
    }

    struct Place {
        Int half, at;  // of a folded tile; from the beginning of a plane
    };

    // Where a sample of the tile is, given by row and column; of a line by the column alone.
    Place place_of(Int row, Int column) const {
        const Int half = folded_ ? column / half_ : 0, x = column - half * half_;
        return {half, line_ ? x / tile_.columns * tile_.stride + x % tile_.columns : row * tile_.stride + x};
    }

    // The outputs of a spot, from this plane on, `offset` bytes further; whether they are finite.
    bool deliver(const T* plane, const Spot& spot, Int offset) {
        const Axis &rows = job_.rows.axis, &columns = job_.columns.axis;
        bool finite = true;
        for (Int y = 0; y < spot.height; ++y) {
            char* const target = spot.target + offset + y * job_.rows.target;
            for (Int x = 0; x < spot.width;) {
                const Int column = spots_.along.lead + x * columns.step;
                const Place place = place_of(spots_.down.lead + y * rows.step, column);
                const Int room = ratio(tile_.columns - column % tile_.columns, columns.step);
                const Int count = least(room, spot.width - x);
                const T* const from = (place.half ? im_ : plane) + place.at;
                finite &= put(target + x * job_.columns.target, from, count);
                x += count;
            }
        }
        return finite;
    }

    bool put(char* target, const T* from, Int count) {
        const Int step = job_.columns.axis.step;
        T* const row = outputs_.row();
        if (job_.components == 2) {
            const T* const im = from + (im_ - re_);
            for (Int i = 0; i < count; ++i) {
                row[2 * i] = from[i * step];
                row[2 * i + 1] = im[i * step];
            }
            from = row;
        } else if (step > 1) {
            for (Int i = 0; i < count; ++i) row[i] = from[i * step];
            from = row;
        }
        return outputs_.put(target, from, count);
    }

    const Job& job_;
    const Job reading_;
    SourceRows<T> source_;
    const Transform<T>& tile_;
    const bool line_, folded_;
    const Int half_;  // samples along a row, or a line, in one plane
    const Spots spots_;
    Outputs<T> outputs_;
    T *re_ = nullptr, *im_ = nullptr, *shared_ = nullptr;
};
