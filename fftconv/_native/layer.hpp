// Sums over channels: the layers of neural networks. Included by kernels.cpp inside the namespace of its level.
//
// A layer is cut into units: some rows and columns of outputs, of some kernels. A unit copies what it reads of every
// plane into memory of its own, with the padding. What lies a stride apart in the source lies side by side there, in
// lanes, so that whatever the stride each tap is one offset, and neighbouring outputs are neighbours; what no tap
// reads is left out. Then a few kernels times a few vectors of outputs are added up in registers, over channels and
// taps in order, so that cuts change no result.
#pragma once

// Kernels and vectors of a register tile: BLOCK * broad(BLOCK) sums, the inputs and a weight fit the registers.
#if defined(__AVX512F__) || defined(__aarch64__)
constexpr int BLOCK = 8;
constexpr int broad(int block) { return block == 8 ? 3 : block == 4 ? 5 : 8; }
#else
constexpr int BLOCK = 4;
constexpr int broad(int block) { return block == 4 ? 2 : block == 2 ? 4 : 6; }
#endif
constexpr int BROADEST = 8;  // vectors

constexpr Int UNIT_BYTES = 256 * 1024;  // of samples, which stay in a second-level cache beside the weights
constexpr Int FEWEST_OUTPUTS = 256;     // of a unit, below which copying is too large a part
constexpr Int UNITS_EACH = 4;           // for a thread, so that none waits long for the last

// The sample that stands at a padded position; -1 for the fill.
INLINE Int source_at(const LayerAxis& axis, Int position) {
    if (position >= axis.padded) return -1;
    return axis.source ? axis.source[position] : position;
}

// How positions along an axis lie in the memory of a unit: element q of lane s is position s * dilation + q * stride.
// Taps take the lanes in turn; where the lanes begin again a tap stands a hop further on.
struct Lay {
    Int lanes = 1, hop = 0, length = 1;

    Lay(const LayerAxis& axis, Int outputs) {
        const Int common = divisor(axis.dilation, axis.stride);
        const Int cycle = least(axis.stride / common, axis.taps);  // taps after which a phase comes again
        lanes = cycle;
        hop = axis.dilation / common;
        length = (axis.taps - 1) / lanes * hop + outputs;
        if (axis.taps * outputs < lanes * length) {  // far apart: a lane for each tap
            lanes = axis.taps;
            length = outputs;
        }
    }
    Lay() = default;

    Int lane(Int tap) const { return tap % lanes; }
    Int offset(Int tap) const { return tap / lanes * hop; }

private:
    static Int divisor(Int a, Int b) { return b == 0 ? a : divisor(b, a % b); }
};

template <class T>
class Layer {
public:
    using Vector = typename Lanes<T>::Vector;
    static constexpr Int LANES = Lanes<T>::count;

    explicit Layer(const LayerJob& job) : job_(job) {
        planes_ = job.channels;
        for (int a = 0; a < job.leads; ++a) {
            planes_ *= job.lead[a].taps;
            lead_outputs_ *= job.lead[a].outputs;
        }
        taps_ = job.rows.taps * job.columns.taps;
        cut();
    }

    Int weight_bytes() const { return job_.groups * job_.kernels * planes_ * taps_ * static_cast<Int>(sizeof(T)); }

    // Weights in the order in which they are used: those of a block of kernels beside each other.
    void pack(void* packed, Next next, void* counter) const {
        const Int terms = planes_ * taps_, blocks = ratio(job_.kernels, BLOCK);
        for (Int index = next(counter); index < job_.groups * blocks; index = next(counter)) {
            const Int group = index / blocks, start = index % blocks * BLOCK;
            for (Int first = start; first < least(start + BLOCK, job_.kernels);) {
                const Int block = block_at(first), place = (group * job_.kernels + first) * terms;
                const T* const from = static_cast<const T*>(job_.weights) + place;
                T* to = static_cast<T*>(packed) + place;
                for (Int term = 0; term < terms; ++term)
                    for (Int k = 0; k < block; ++k) *to++ = from[k * terms + term];
                first += block;
            }
        }
    }

    Outcome run(const void* packed, Next next, void* counter) {
        const Memory memory(take(Parts(nullptr)));
        if (memory.failed()) return Outcome::no_memory;
        take(Parts(memory.get()));
        for (Int i = 0; i < job_.rows.taps; ++i)
            for (Int j = 0; j < job_.columns.taps; ++j)
                offsets_[i * job_.columns.taps + j] =
                    (columns_.lane(j) * slots_ + rows_lay_.lane(i) * rows_lay_.length + rows_lay_.offset(i)) *
                        columns_.length +
                    columns_.offset(j);
        const Int units = job_.batch * job_.groups * lead_outputs_ * bands_ * strips_ * shares_;
        for (Int index = next(counter); index < units; index = next(counter))
            compute(static_cast<const T*>(packed), index);
        return Outcome::finite;
    }

private:
    static Int block_at(Int first, Int kernels) {
        Int block = BLOCK;
        while (block > kernels - first) block /= 2;
        return block;
    }
    Int block_at(Int first) const { return block_at(first, job_.kernels); }

    Int bytes_of(Int rows, Int columns) const {
        const Lay down(job_.rows, rows), along(job_.columns, columns);
        return planes_ * down.lanes * down.length * along.lanes * along.length * static_cast<Int>(sizeof(T));
    }

    // As many outputs as their samples fit the cache: whole rows where they do, and parts of one where not.
    void cut() {
        const Int height = job_.rows.outputs, width = job_.columns.outputs;
        width_ = width;
        while (width_ > FEWEST_OUTPUTS && bytes_of(1, width_) > UNIT_BYTES) width_ = (width_ + 1) / 2;
        rows_ = 1;
        while (rows_ < height && (bytes_of(2 * rows_, width_) <= UNIT_BYTES || rows_ * width_ < FEWEST_OUTPUTS))
            rows_ *= 2;
        rows_ = least(rows_, height);
        const auto units = [&] {
            return job_.batch * job_.groups * lead_outputs_ * ratio(height, rows_) * ratio(width, width_);
        };
        if (job_.workers > 1)
            while (units() < UNITS_EACH * job_.workers && rows_ > 1 && rows_ * width_ >= 2 * FEWEST_OUTPUTS)
                rows_ = (rows_ + 1) / 2;
        bands_ = ratio(height, rows_);
        rows_ = ratio(height, bands_);  // all about equally high
        strips_ = ratio(width, width_);
        width_ = ratio(width, strips_);
        // Where there are not enough units for all threads, kernels are shared, too.
        const Int blocks = ratio(job_.kernels, BLOCK);
        while (job_.workers > 1 && units() * shares_ < job_.workers && shares_ < blocks) ++shares_;
        rows_lay_ = Lay(job_.rows, rows_);
        columns_ = Lay(job_.columns, width_);
        slots_ = rows_lay_.lanes * rows_lay_.length;
        plane_ = columns_.lanes * slots_ * columns_.length;
    }

    Int take(Parts parts) {
        samples_ = parts.take<T>(planes_ * plane_ + BROADEST * LANES);
        offsets_ = parts.take<Int>(taps_);
        line_ = parts.take<T>(BROADEST * LANES);
        return parts.taken();
    }

    void compute(const T* packed, Int index) {
        const Int share = index % shares_;
        index /= shares_;
        const Int left = index % strips_ * width_;
        index /= strips_;
        const Int top = index % bands_ * rows_;
        index /= bands_;
        const Int lead = index % lead_outputs_;
        index /= lead_outputs_;
        const Int group = index % job_.groups, n = index / job_.groups;
        const Int height = least(rows_, job_.rows.outputs - top), width = least(width_, job_.columns.outputs - left);
        if (height <= 0 || width <= 0) return;  // bands and strips that are equally large may be too many
        copy_samples(n, group, lead, top, left, height, width);

        const Int image = job_.rows.outputs * job_.columns.outputs;
        T* const target = static_cast<T*>(job_.target) +
                          ((n * job_.groups + group) * job_.kernels * lead_outputs_ + lead) * image +
                          top * job_.columns.outputs + left;
        const Int terms = planes_ * taps_;
        const Int blocks = ratio(job_.kernels, BLOCK);
        const Int begin = blocks * share / shares_ * BLOCK;
        const Int end = least(blocks * (share + 1) / shares_ * BLOCK, job_.kernels);
        for (Int first = begin; first < end;) {
            const Int block = block_at(first);
            const T* const weights = packed + (group * job_.kernels + first) * terms;
            const T* const bias =
                job_.bias ? static_cast<const T*>(job_.bias) + group * job_.kernels + first : nullptr;
            T* const out = target + first * lead_outputs_ * image;
            if constexpr (BLOCK >= 8)
                if (block == 8) sweep<8>(weights, bias, out, height, width);
            if (block == 4) sweep<4>(weights, bias, out, height, width);
            if (block == 2) sweep<2>(weights, bias, out, height, width);
            if (block == 1) sweep<1>(weights, bias, out, height, width);
            first += block;
        }
    }

    // What the unit reads of every plane, padding and all.
    void copy_samples(Int n, Int group, Int lead, Int top, Int left, Int height, Int width) {
        const char* const source = job_.source + n * job_.step_batch + group * job_.step_group;
        Int lead_taps = 1;
        for (int a = 0; a < job_.leads; ++a) lead_taps *= job_.lead[a].taps;
        const T fill = *static_cast<const T*>(job_.fill);
        const Int below = rows_lay_.length - rows_ + height;  // of a lane, for so many outputs
        const Int columns = columns_.length - width_ + width;
        for (Int plane = 0; plane < planes_; ++plane) {
            const char* from = source + plane / lead_taps * job_.step_channel;
            Int output = lead, tap = plane % lead_taps;
            bool inside = true;
            for (int a = job_.leads - 1; a >= 0; --a) {
                const LayerAxis& axis = job_.lead[a];
                const Int position = output % axis.outputs * axis.stride + tap % axis.taps * axis.dilation;
                const Int found = source_at(axis, position);
                inside &= found >= 0;
                from += found * axis.step;
                output /= axis.outputs;
                tap /= axis.taps;
            }
            T* const to = samples_ + plane * plane_;
            for (Int lane = 0; lane < rows_lay_.lanes; ++lane)
                for (Int q = 0; q < below; ++q) {
                    const Int position = lane * job_.rows.dilation + (top + q) * job_.rows.stride;
                    const Int found = inside ? source_at(job_.rows, position) : -1;
                    copy_row(found < 0 ? nullptr : from + found * job_.rows.step, fill, left, columns,
                             to + (lane * rows_lay_.length + q) * columns_.length);
                }
        }
    }

    void copy_row(const char* from, T fill, Int left, Int columns, T* to) const {
        const LayerAxis& axis = job_.columns;
        for (Int lane = 0; lane < columns_.lanes; ++lane) {
            const Int start = lane * axis.dilation + left * axis.stride;
            copy_lane(from, fill, start, columns, to + lane * slots_ * columns_.length);
        }
    }

    // Positions start, start + stride, ... of a padded row.
    void copy_lane(const char* from, T fill, Int start, Int count, T* to) const {
        const LayerAxis& axis = job_.columns;
        const auto put = [&](Int q) INLINE_LAMBDA {
            const Int position = start + q * axis.stride;
            const Int found = from ? source_at(axis, position) : -1;
            to[q] = fill;
            if (found >= 0) __builtin_memcpy(to + q, from + found * axis.step, sizeof(T));
        };
        // The samples themselves stand between `before` and `before + size`.
        const auto first_from = [&](Int position) {
            return least(most((position - start + axis.stride - 1) / axis.stride, 0), count);
        };
        const Int low = from ? first_from(axis.before) : count;
        const Int high = from ? most(first_from(axis.before + axis.size), low) : count;
        for (Int q = 0; q < low; ++q) put(q);
        if (high > low) {
            const Int hop = axis.stride * axis.step;
            const char* at = from + (start + low * axis.stride - axis.before) * axis.step;
            if (hop == static_cast<Int>(sizeof(T))) {
                __builtin_memcpy(to + low, at, static_cast<size_t>(high - low) * sizeof(T));
            } else {
                for (Int q = low; q < high; ++q, at += hop) __builtin_memcpy(to + q, at, sizeof(T));
            }
        }
        for (Int q = high; q < count; ++q) put(q);
    }

    // All outputs of a unit, of B kernels: row by row in one sweep, where ends of rows give numbers that are dropped.
    template <int B>
    void sweep(const T* weights, const T* bias, T* out, Int height, Int width) const {
        constexpr int V = broad(B);
        const Int length = (height - 1) * columns_.length + width;
        const Int kernel = lead_outputs_ * job_.rows.outputs * job_.columns.outputs;
        for (Int start = 0; start < length; start += V * LANES) {
            const Int left = length - start;
            if (left <= LANES)
                tile<B, 1>(weights, bias, out, kernel, start, width, length);
            else if (left <= (V + 1) / 2 * LANES)
                tile<B, (V + 1) / 2>(weights, bias, out, kernel, start, width, length);
            else
                tile<B, V>(weights, bias, out, kernel, start, width, length);
        }
    }

    template <int B, int V>
    void tile(const T* weights, const T* bias, T* out, Int kernel, Int start, Int width, Int length) const {
        const T* at = samples_ + start;
        Vector sums[B][V];
        for (int b = 0; b < B; ++b)
            for (int v = 0; v < V; ++v) sums[b][v] = Vector{} + (bias ? bias[b] : T(0));
        for (Int plane = 0; plane < planes_; ++plane) {
            for (Int tap = 0; tap < taps_; ++tap) {
                const T* const here = at + offsets_[tap];
                Vector inputs[V];
                for (int v = 0; v < V; ++v) inputs[v] = load(here + v * LANES);
                for (int b = 0; b < B; ++b) {
                    const T weight = weights[b];
                    for (int v = 0; v < V; ++v) sums[b][v] += inputs[v] * weight;
                }
                weights += B;
            }
            at += plane_;
        }
        const Int row = start / columns_.length, column = start % columns_.length, count = V * LANES;
        if (column + count <= width) {  // all in one row
            T* const to = out + row * job_.columns.outputs + column;
            for (int b = 0; b < B; ++b)
                for (int v = 0; v < V; ++v) store(to + b * kernel + v * LANES, sums[b][v]);
            return;
        }
        for (int b = 0; b < B; ++b) {
            for (int v = 0; v < V; ++v) store(line_ + v * LANES, sums[b][v]);
            Int r = row, c = column;
            for (Int i = 0; i < least(count, length - start);) {
                const Int run = least(columns_.length - c, least(count, length - start) - i);
                const Int kept = least(run, width - c);
                if (kept > 0)
                    __builtin_memcpy(out + b * kernel + r * job_.columns.outputs + c, line_ + i,
                                     static_cast<size_t>(kept) * sizeof(T));
                i += run;
                ++r;
                c = 0;
            }
        }
    }

    const LayerJob& job_;
    Int planes_ = 1, taps_ = 1, lead_outputs_ = 1;
    Int rows_ = 1, width_ = 1, bands_ = 1, strips_ = 1, shares_ = 1;  // of units
    Lay rows_lay_, columns_;       // of the memory of a unit
    Int slots_ = 1, plane_ = 1;    // rows of a lane of columns, and numbers of a plane
    T* samples_ = nullptr;
    T* line_ = nullptr;
    Int* offsets_ = nullptr;
};

template <class T>
Int weight_bytes(const LayerJob& job) {
    return Layer<T>(job).weight_bytes();
}

template <class T>
void pack_layer(const LayerJob& job, void* packed, Next next, void* counter) {
    Layer<T>(job).pack(packed, next, counter);
}

template <class T>
Outcome run_layer(const LayerJob& job, const void* packed, Next next, void* counter) {
    return Layer<T>(job).run(packed, next, counter);
}
