// Memory of a thread, and rows of the source as the kernels want them: in the type of the arithmetic, without gaps,
// with what stands beyond the edges. Included by kernels.cpp inside the namespace of its level.
#pragma once

class Memory {
public:
    explicit Memory(Int bytes) : start_(take_memory(up(bytes, 64))) {}
    ~Memory() { free(start_); }
    Memory(const Memory&) = delete;
    Memory& operator=(const Memory&) = delete;

    bool failed() const { return start_ == nullptr; }
    void* get() const { return start_; }

private:
    void* const start_;
};

// Hands out parts of a block of memory, or counts what they take where there is none.
class Parts {
public:
    explicit Parts(void* memory) : memory_(static_cast<char*>(memory)) {}

    template <class U>
    U* take(Int count) {
        U* part = memory_ ? reinterpret_cast<U*>(memory_ + taken_) : nullptr;
        taken_ += up(count * static_cast<Int>(sizeof(U)), 64);
        return part;
    }

    Int taken() const { return taken_; }

private:
    char* memory_;
    Int taken_ = 0;
};

template <class T>
void clear(T* numbers, Int count) {
    for (Int i = 0; i < count; ++i) numbers[i] = 0;
}

// The positions start .. start + reach - 1 of a row; those from low to high are of the source.
struct Inside {
    Int start = 0, reach = 0, low = 0, high = 0;
};

enum class Edges { fill, copies, mixed };

template <class T>
class SourceRows {
public:
    explicit SourceRows(const Job& job)
        : job_(job), read_(reader<T>(job.source_type)), numbers_(job.channels * job.components) {
        for (Int c = 0; job.fill && c < job.components; ++c) fill_is_0_ &= static_cast<const T*>(job.fill)[c] == 0;
    }

    void take(Parts& parts, Int longest) { edge_ = parts.take<Int>(longest); }

    const Inside& inside() const { return inside_; }
    Edges edges() const { return edges_; }

    // What stands beyond the ends of the rows to come: in most tiles nothing but the fill value, or copies of
    // pixels that the tile reads anyway, at `edge_` in its rows.
    void look(Int start, Int reach) {
        const Axis& columns = job_.columns.axis;
        const Int low = least(most(-start, 0), reach), high = most(least(columns.size - start, reach), low);
        inside_ = {start, reach, low, high};
        edges_ = Edges::fill;
        if (!columns.outside) return;
        bool copies = true, fill = true;
        for (Int q = 0; q < reach; ++q) {
            if (q == low) q = high;
            if (q >= reach) break;
            const Int sample = sample_at(columns, start + q);
            fill &= sample < 0;
            copies &= sample >= start + low && sample < start + high;
            edge_[q] = sample - start;
        }
        edges_ = fill ? Edges::fill : copies ? Edges::copies : Edges::mixed;
    }

    bool fill_is_0() const { return fill_is_0_; }

    // Whether what stands beyond the ends of rows follows for sums down their columns: as copies of those, or as 0.
    bool ends_follow() const {
        return edges_ == Edges::copies || (edges_ == Edges::fill && (inside_.high - inside_.low == inside_.reach || fill_is_0_));
    }

    // Puts it into a row of such sums.
    void put_ends(T* sums) const {
        if (edges_ == Edges::copies) {
            copy_edges(sums, inside_.low, inside_.high, inside_.reach);
            return;
        }
        clear(sums, inside_.low * numbers_);
        clear(sums + inside_.high * numbers_, (inside_.reach - inside_.high) * numbers_);
    }

    // The row at `position` of a plane, or of the fill value where there is none: one phase of its step after the
    // other, `phase` pixels apart.
    void read(T* out, const char* plane, Int position, Int phase) const {
        const Int step = job_.columns.axis.step;
        const Int sample = plane ? sample_at(job_.rows.axis, position) : -1;
        if (sample < 0) {
            put_fill(out, step == 1 ? inside_.reach : phase * step);
            return;
        }
        const char* row = plane + sample * job_.rows.source;
        if (step == 1) {
            read_run(out, row, inside_, 1);
            return;
        }
        for (Int p = 0; p < least(step, inside_.reach); ++p)
            read_run(out + p * phase * numbers_, row, every(step, inside_.start + p, inside_.reach - p), step);
    }

    // The ends of a row that lies at `row`, as if it went on beyond the edges: `before` pixels, and those from `after`
    // on. Of a row of numbers of the arithmetic without gaps, unless edges are mixed.
    void read_ends(T* out, const T* row, Int before, Int after) const {
        const auto copy = [&](Int from, Int to) INLINE_LAMBDA {
            __builtin_memcpy(out + from * numbers_, row + from * numbers_, (to - from) * numbers_ * sizeof(T));
        };
        const auto extend = [&](Int from, Int to) INLINE_LAMBDA {
            if (edges_ == Edges::copies)
                copy_edge(out, row, from, to);
            else
                put_fill(out + from * numbers_, to - from);
        };
        extend(0, inside_.low);
        copy(inside_.low, before);
        copy(after, inside_.high);
        extend(inside_.high, inside_.reach);
    }

    // Pixels from `start` on of a plane of one row, with what stands beyond its ends.
    void read_line(T* out, const char* plane, Int start, Int count) {
        const Int pixel = job_.columns.source;
        if (start >= 0 && start + count <= job_.columns.axis.size) {
            read_(out, plane + start * pixel, count, pixel, numbers_, job_.channel_source);
        } else {
            look(start, count);
            read(out, plane, 0, count);
        }
    }

    void copy_edges(T* out, Int low, Int high, Int count) const {
        copy_edge(out, out, 0, low);
        copy_edge(out, out, high, count);
    }

private:
    void put_fill(T* out, Int pixels) const {
        const T* fill = static_cast<const T*>(job_.fill);
        for (Int i = 0; i < pixels * job_.channels; ++i)
            for (Int c = 0; c < job_.components; ++c) out[i * job_.components + c] = fill[c];
    }

    // Every `step`-th of `reach` positions from `start` on.
    Inside every(Int step, Int start, Int reach) const {
        const Int count = ratio(reach, step), size = job_.columns.axis.size;
        const Int low = start < 0 ? least(ratio(-start, step), count) : 0;
        const Int high = start < size ? ratio(size - start, step) : 0;
        return {start, count, low, most(least(high, count), low)};
    }

    // Those of the row at `row`, with what stands beyond its ends.
    void read_run(T* out, const char* row, const Inside& run, Int step) const {
        const Walk& walk = job_.columns;
        const auto read = [&](Int q, Int sample, Int count) {
            read_(out + q * numbers_, row + sample * walk.source, count, step * walk.source, numbers_,
                  job_.channel_source);
        };
        if (run.high > run.low) read(run.low, run.start + run.low * step, run.high - run.low);
        if (edges_ == Edges::copies && step == 1) {
            copy_edges(out, run.low, run.high, run.reach);
            return;
        }
        if (edges_ == Edges::fill) {
            put_fill(out, run.low);
            put_fill(out + run.high * numbers_, run.reach - run.high);
            return;
        }
        for (Int q = 0; q < run.reach; ++q) {
            if (q == run.low) q = run.high;
            if (q >= run.reach) break;
            const Int sample = sample_at(walk.axis, run.start + q * step);
            if (sample < 0)
                put_fill(out + q * numbers_, 1);
            else
                read(q, sample, 1);
        }
    }

    void copy_edge(T* out, const T* row, Int from, Int to) const {
        if (numbers_ == 1) {
            for (Int q = from; q < to; ++q) out[q] = row[edge_[q]];
            return;
        }
        for (Int q = from; q < to; ++q)
            for (Int c = 0; c < numbers_; ++c) out[q * numbers_ + c] = row[edge_[q] * numbers_ + c];
    }

    const Job& job_;
    const Read<T> read_;
    const Int numbers_;
    bool fill_is_0_ = true;
    Inside inside_;
    Edges edges_ = Edges::mixed;
    Int* edge_ = nullptr;
};
