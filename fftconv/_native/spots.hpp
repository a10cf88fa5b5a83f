// Where the tiles of overlap-save lie: which samples each reads, which outputs it gives, and by which kernel.
// Included by kernels.cpp inside the namespace of its level.
#pragma once

// How tiles lie along an axis: outputs of each; the position of the first sample of the first tile, and where
// in the tile its first output is; samples that it reads, unless the last output needs fewer.
struct Cut {
    Int outputs, first, lead, reads;
};

// Outputs of tiles side by side in lanes are a multiple of these, so that all of them start alike in memory.
constexpr Int ALIKE = 16;

Cut cut_axis(const Job& job, const Axis& axis, Int length, bool in_lanes) {
    const Int span = reach_of(axis), start = axis.first + span - 1;
    const Int stop = start + (axis.outputs - 1) * axis.step + 1;
    const Int wraps = most(most(axis.size, span), most(stop, axis.size + span - 1 - start));
    if (job.nothing_outside && length >= wraps) return {axis.outputs, 0, start, axis.size};
    const Int outputs = (length - span) / axis.step + 1;
    return {in_lanes && outputs > ALIKE ? outputs / ALIKE * ALIKE : outputs, axis.first, span - 1, length};
}

// Tiles take samples without gaps; those of them that are outputs are chosen at the end.
Job every_sample(const Job& job) {
    Job reading = job;
    reading.rows.axis.step = reading.columns.axis.step = 1;
    return reading;
}

struct Spot {
    const char* source;
    char* target;
    Int kernel;
    Int top, left, height, width;  // of its outputs
};

// Tiles that are transformed together have the same kernel. Slices that differ in nothing but the kernel share the
// transform of their samples.
class Spots {
public:
    Spots(const Job& job, Cut down, Cut along, Int together)
        : down(down), along(along), together(together), job_(job) {
        const Axis &rows = job.rows.axis, &columns = job.columns.axis;
        bands_ = ratio(rows.outputs, down.outputs);
        strips_ = ratio(columns.outputs, along.outputs);
        for (int a = 0; a < job.batches; ++a) {
            const Batch& batch = job.batch[a];
            (is_shared(batch) ? kernels_ : slices_) *= batch.size;
            varies_ |= batch.kernel != 0;
        }
        group_ = bands_ * strips_ * (varies_ ? 1 : slices_);
        groups_ = varies_ ? slices_ : 1;
        // Slices whose numbers lie side by side, as channels do, are left to one thread: others would write into
        // the same lines of the cache.
        if (job.batches && !varies_) {
            const Batch& inner = job.batch[job.batches - 1];
            if (inner.target < CACHE_LINE) unit_ = inner.size / common_divisor(inner.size, together);
        }
    }

    const Cut down, along;
    const Int together;

    Int kernels() const { return kernels_; }

    // Calls convolve(first, count) for tiles that are transformed together, until there are none left; whether all
    // have said yes.
    template <class Convolve>
    bool each(Next next, void* counter, Convolve convolve) const {
        const Int of_group = ratio(group_, together), count = of_group * groups_;
        bool good = true;
        for (Int unit = next(counter); unit * unit_ < count; unit = next(counter)) {
            for (Int index = unit * unit_; index < least((unit + 1) * unit_, count); ++index) {
                const Int number = index % of_group * together;
                good &= convolve(index / of_group * group_ + number, least(together, group_ - number));
            }
        }
        return good;
    }

    // Slices of one kernel come first, so that channels of the same pixels are read after one another.
    Spot at(Int index) const {
        Spot spot;
        spot.source = job_.source;
        spot.target = job_.target;
        spot.kernel = 0;
        const Int places = bands_ * strips_;
        Int place = varies_ ? index % places : index / slices_, slice = varies_ ? index / places : index % slices_;
        for (int a = job_.batches - 1; a >= 0; --a) {
            const Batch& batch = job_.batch[a];
            if (is_shared(batch)) continue;
            const Int along_batch = slice % batch.size;
            slice /= batch.size;
            spot.source += along_batch * batch.source;
            spot.target += along_batch * batch.target;
            spot.kernel += along_batch * batch.kernel;
        }
        spot.left = place % strips_ * along.outputs;
        spot.top = place / strips_ * down.outputs;
        spot.width = least(along.outputs, job_.columns.axis.outputs - spot.left);
        spot.height = least(down.outputs, job_.rows.axis.outputs - spot.top);
        spot.target += spot.top * job_.rows.target + spot.left * job_.columns.target;
        return spot;
    }

    // The number of one of the kernels that the samples of a spot meet.
    Int kernel_of(const Spot& spot, Int kernel) const {
        Int number = spot.kernel;
        for (int a = job_.batches - 1; a >= 0; --a) {
            if (!is_shared(job_.batch[a])) continue;
            number += kernel % job_.batch[a].size * job_.batch[a].kernel;
            kernel /= job_.batch[a].size;
        }
        return number;
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

private:
    static bool is_shared(const Batch& batch) { return batch.kernel && !batch.source; }

    static Int common_divisor(Int a, Int b) { return b ? common_divisor(b, a % b) : a; }

    const Job& job_;
    Int bands_, strips_;
    Int slices_ = 1, kernels_ = 1;  // with samples of their own; with the same samples
    bool varies_ = false;           // the kernel from slice to slice
    Int unit_ = 1;                  // transforms that a thread takes at a time
    Int group_, groups_;            // tiles that have the same kernel; how often there are as many
};

// Outputs on their way from the tiles: scaled, checked, and in the type of the target.
template <class T>
class Outputs {
public:
    Outputs(const Job& job, T scale)
        : straight(job.writes_as_is && job.columns.target == job.components * static_cast<Int>(sizeof(T))),
          job_(job),
          write_(writer<T>(job.target_type)),
          scale_(scale) {}

    void take(Parts& parts, Int most_pixels) { row_ = parts.take<T>(job_.components * most_pixels); }

    // Room for pixels that do not lie side by side.
    T* row() const { return row_; }

    // So many pixels; whether they are finite.
    bool put(char* target, const T* from, Int count) const {
        const Int numbers = count * job_.components;
        char* const to = straight ? target : reinterpret_cast<char*>(row_);
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
        if (job_.target_type == Type::i64 || job_.division != Division::none)  // proven to be less than half from the true integers
            for (i = 0; i < numbers; ++i) row_[i] = static_cast<T>(__builtin_rint(static_cast<double>(row_[i])));
        if (!straight) write_(job_, target, row_, count, job_.columns.target, job_.components, job_.channel_target);
        return zero == 0;
    }

    const bool straight;  // into the target, which holds numbers of the arithmetic without gaps

private:
    const Job& job_;
    const Write<T> write_;
    const T scale_;
    T* row_ = nullptr;
};
