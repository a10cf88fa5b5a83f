// Overlap-save: the signal in overlapping tiles, each convolved circularly by a Fourier transform; the outputs that
// wrap around are left out. Included by kernels.cpp inside the namespace of its level.
//
// Two tiles of real numbers are the real and the imaginary part of one of complex numbers. With a real kernel they
// come out so too. Which two is settled by their numbers alone, so that results depend on no thread. The halves of a
// folded tile are the two parts instead. Slices that differ in nothing but the kernel share the transform of their
// samples.
// (A. V. Oppenheim, R. W. Schafer, Discrete-Time Signal Processing, 3rd ed., 2010, section 8.7.3.)
#pragma once

template <class T>
class Overlap {
public:
    explicit Overlap(const Job& job)
        : job_(job),
          reading_(every_sample(job)),
          source_(reading_),
          write_(writer<T>(job.target_type)),
          tile_(*static_cast<const Transform<T>*>(job.transform)),
          line_(tile_.line_twiddles != nullptr),
          folded_(tile_.fold != nullptr),
          half_(line_ ? tile_.rows * tile_.columns : tile_.columns),
          straight_(job.writes_as_is && job.columns.target == job.components * static_cast<Int>(sizeof(T))),
          scale_(static_cast<T>(1) / static_cast<T>(tile_.rows * tile_.columns)) {
        const Axis &rows = job.rows.axis, &columns = job.columns.axis;
        down_ = line_ ? Cut{1, 0, 0, 1} : cut(rows, tile_.rows);
        along_ = cut(columns, folded_ ? 2 * half_ : half_);
        rows_ = down_.outputs;
        columns_ = along_.outputs;
        bands_ = ratio(rows.outputs, rows_);
        strips_ = ratio(columns.outputs, columns_);
        together_ = job.components == 2 || folded_ ? 1 : 2;
        for (int a = 0; a < job.batches; ++a) {
            const Batch& batch = job.batch[a];
            (is_shared(batch) ? kernels_ : slices_) *= batch.size;
            varies_ |= batch.kernel != 0;
        }
        // Tiles that are transformed together have the same kernel.
        group_ = bands_ * strips_ * (varies_ ? 1 : slices_);
        groups_ = varies_ ? slices_ : 1;
        // Slices whose numbers lie side by side, as channels do, are left to one thread: others would write into
        // the same lines of the cache.
        if (job.batches && !varies_) {
            const Batch& inner = job.batch[job.batches - 1];
            if (inner.target < CACHE_LINE) unit_ = inner.size % together_ ? inner.size : inner.size / together_;
        }
    }

    Outcome run(Next next, void* counter) {
        const Memory memory(take(Parts(nullptr)));
        if (memory.failed()) return Outcome::no_memory;
        take(Parts(memory.get()));
        const Int each = ratio(group_, together_), count = each * groups_;
        bool finite = true;
        for (Int unit = next(counter); unit * unit_ < count; unit = next(counter))
            for (Int index = unit * unit_; index < least((unit + 1) * unit_, count); ++index)
                finite &= convolve_pair(index / each * group_, index % each * together_);
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
    struct Spot {
        const char* source;
        char* target;
        Int kernel;
        Int top, left, height, width;  // of its outputs
    };

    // How tiles lie along an axis: outputs of each; the position of the first sample of the first tile, and where
    // in the tile its first output is; samples that it reads, unless the last output needs fewer.
    struct Cut {
        Int outputs, first, lead, reads;
    };

    Cut cut(const Axis& axis, Int length) const {
        const Int span = reach_of(axis), start = axis.first + span - 1;
        const Int stop = start + (axis.outputs - 1) * axis.step + 1;
        const Int wraps = most(most(axis.size, span), most(stop, axis.size + span - 1 - start));
        if (job_.nothing_outside && length >= wraps) return {axis.outputs, 0, start, axis.size};
        return {(length - span) / axis.step + 1, axis.first, span - 1, length};
    }

    // Tiles take samples without gaps; those of them that are outputs are chosen at the end.
    static Job every_sample(const Job& job) {
        Job reading = job;
        reading.rows.axis.step = reading.columns.axis.step = 1;
        return reading;
    }

    // One tile or two, number `number` of the group from `base` on; whether their outputs are finite.
    bool convolve_pair(Int base, Int number) {
        const Spot first = locate(base + number), second = locate(base + least(number + 1, group_ - 1));
        const bool alone = number + 1 == group_;
        if (folded_) {
            fill(re_, first, 0);
            fill(im_, first, half_);
            turn_fold<false>(re_, im_, tile_);
        } else if (together_ == 1) {
            fill_complex(first);
        } else {
            fill(re_, first, 0);
            if (alone)
                clear(im_, tile_.plane());
            else
                fill(im_, second, 0);
        }
        if (kernels_ > 1) find_spectrum(re_, im_, tile_, shared_);
        bool finite = true;
        for (Int kernel = 0; kernel < kernels_; ++kernel) {
            const Int offset = kernels_ > 1 ? offset_of(kernel) : 0;
            const T* const spectrum = spectrum_of(first, kernel);
            if (kernels_ > 1)
                transform_product(re_, im_, tile_, shared_, spectrum);
            else
                convolve_tile(re_, im_, tile_, spectrum);
            if (folded_) turn_fold<true>(re_, im_, tile_);
            finite &= deliver(re_, first, offset);
            if (together_ == 2 && !alone) finite &= deliver(im_, second, offset);
        }
        return finite;
    }

    Int take(Parts parts) {
        re_ = parts.take<T>(tile_.plane());
        im_ = parts.take<T>(tile_.plane());
        row_ = parts.take<T>(2 * tile_.columns);
        shared_ = parts.take<T>(kernels_ > 1 ? spectrum_numbers() : 0);
        source_.take(parts, tile_.columns);
        return parts.taken();
    }

    Int spectrum_numbers() const { return 2 * tile_.rows * tile_.columns; }

    static bool is_shared(const Batch& batch) { return batch.kernel && !batch.source; }

    const T* spectrum_of(const Spot& spot, Int kernel) const {
        Int number = spot.kernel;
        for (int a = job_.batches - 1; a >= 0; --a) {
            if (!is_shared(job_.batch[a])) continue;
            number += kernel % job_.batch[a].size * job_.batch[a].kernel;
            kernel /= job_.batch[a].size;
        }
        return static_cast<const T*>(job_.spectrum) + number * spectrum_numbers();
    }

    // From the outputs of the first kernel to those of this one.
    Int offset_of(Int kernel) const {
        Int offset = 0;
        for (int a = job_.batches - 1; a >= 0; --a) {
            if (!is_shared(job_.batch[a])) continue;
            offset += kernel % job_.batch[a].size * job_.batch[a].target;
            kernel /= job_.batch[a].size;
        }
        return offset;
    }

    // Slices of one kernel come first, so that channels of the same pixels are read after one another.
    Spot locate(Int index) const {
        Spot spot;
        spot.source = job_.source;
        spot.target = job_.target;
        spot.kernel = 0;
        const Int places = bands_ * strips_;
        Int place = varies_ ? index % places : index / slices_, slice = varies_ ? index / places : index % slices_;
        for (int a = job_.batches - 1; a >= 0; --a) {
            const Batch& batch = job_.batch[a];
            if (is_shared(batch)) continue;
            const Int at = slice % batch.size;
            slice /= batch.size;
            spot.source += at * batch.source;
            spot.target += at * batch.target;
            spot.kernel += at * batch.kernel;
        }
        spot.left = place % strips_ * columns_;
        spot.top = place / strips_ * rows_;
        spot.width = least(columns_, job_.columns.axis.outputs - spot.left);
        spot.height = least(rows_, job_.rows.axis.outputs - spot.top);
        spot.target += spot.top * job_.rows.target + spot.left * job_.columns.target;
        return spot;
    }

    bool is_inside(Int start, Int count) const { return start >= 0 && start + count <= job_.columns.axis.size; }

    // Calls read(row, position, count) for the rows of the tile, of whose samples `before` are left out: `count` pixels
    // of each are read by a spot's outputs, from the row at `position` of the source; or, of a line, from that pixel
    // on. What stands beyond the edges has been looked up.
    template <class Read>
    void each_row(const Spot& spot, Int before, Read read) {
        const Axis &rows = job_.rows.axis, &columns = job_.columns.axis;
        const Int tall = least((spot.height - 1) * rows.step + down_.lead + 1, down_.reads);
        const Int read_along = least((spot.width - 1) * columns.step + along_.lead + 1, along_.reads);
        const Int wide = least(most(read_along - before, 0), half_);
        const Int top = down_.first + spot.top * rows.step, left = along_.first + spot.left * columns.step + before;
        if (!line_ && wide) source_.look(left, wide);
        for (Int row = 0; row < tile_.rows; ++row) {
            const Int done = row * tile_.columns;
            const Int count = !line_ ? (row < tall ? wide : 0) : least(most(wide - done, 0), tile_.columns);
            if (line_ && count && !is_inside(left + done, count)) source_.look(left + done, count);
            read(row, line_ ? left + done : top + row, count);
        }
    }

    void read_row(T* to, const Spot& spot, Int position, Int count) {
        if (!line_)
            source_.read(to, spot.source, position, count);
        else if (is_inside(position, count))
            source_.read_inside(to, spot.source, position, count);
        else
            source_.read(to, spot.source, 0, count);
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
            T *const re = re_ + row * tile_.stride, *const im = im_ + row * tile_.stride;
            if (count) read_row(row_, spot, position, count);
            for (Int i = 0; i < count; ++i) {
                re[i] = row_[2 * i];
                im[i] = row_[2 * i + 1];
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
                const Int column = along_.lead + x * columns.step;
                const Place place = place_of(down_.lead + y * rows.step, column);
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
        const Int step = job_.columns.axis.step, numbers = count * job_.components;
        if (job_.components == 2) {
            const T* const im = from + (im_ - re_);
            for (Int i = 0; i < count; ++i) {
                row_[2 * i] = from[i * step];
                row_[2 * i + 1] = im[i * step];
            }
            from = row_;
        } else if (step > 1) {
            for (Int i = 0; i < count; ++i) row_[i] = from[i * step];
            from = row_;
        }
        char* const to = straight_ ? target : reinterpret_cast<char*>(row_);
        // Only zeros times a finite number add up to 0.
        typename Lanes<T>::Vector zeros = {};
        T zero = 0;
        Int i = 0;
        for (; i + Lanes<T>::count <= numbers; i += Lanes<T>::count) {
            const auto scaled = load(from + i) * scale_;
            zeros += scaled * static_cast<T>(0);
            __builtin_memcpy(to + i * sizeof(T), &scaled, sizeof scaled);
        }
        for (; i < numbers; ++i) {
            const T scaled = from[i] * scale_;
            zero += scaled * 0;
            __builtin_memcpy(to + i * sizeof(T), &scaled, sizeof scaled);
        }
        for (int lane = 0; lane < Lanes<T>::count; ++lane) zero += zeros[lane];
        if (job_.target_type == Type::i64)  // proven to be less than half from the true integers
            for (i = 0; i < numbers; ++i) row_[i] = static_cast<T>(__builtin_rint(static_cast<double>(row_[i])));
        if (!straight_) write_(target, row_, count, job_.columns.target, job_.components, job_.channel_target);
        return zero == 0;
    }

    const Job& job_;
    const Job reading_;
    SourceRows<T> source_;
    const Write<T> write_;
    const Transform<T>& tile_;
    const bool line_, folded_;
    const Int half_;       // samples along a row, or a line, in one plane
    const bool straight_;  // into the target, which holds numbers of the arithmetic without gaps
    const T scale_;
    Cut down_, along_;
    Int rows_, columns_;  // outputs of a tile
    Int bands_, strips_, together_;
    Int slices_ = 1, kernels_ = 1;  // with samples of their own; with the same samples
    bool varies_ = false;           // the kernel from slice to slice
    Int unit_ = 1;                  // pairs of tiles that a thread takes at a time
    Int group_, groups_;            // tiles of which any two are transformed together
    T *re_ = nullptr, *im_ = nullptr;
    T *row_ = nullptr, *shared_ = nullptr;
};
