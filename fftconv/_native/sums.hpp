// The engines that add products up: direct and separable. Included by kernels.cpp inside the namespace of its level.
//
// A job is cut into tiles, see places.hpp. A tile reads its source row by row into a ring of rows in the cache, in the
// type of the arithmetic and extended beyond the edges, so that everything after it is contiguous and without
// conditions: dilation, stride and channels are nothing but the offset of a tap in a row. Rows that are like that
// already are read where they lie. Output rows leave through one function that rounds and saturates.
#pragma once

template <class T>
class Worker {
public:
    explicit Worker(const Job& job)
        : job_(job),
          write_(writer<T>(job.target_type)),
          numbers_(job.channels * job.components),
          lead_taps_(count_lead_taps(job) * job.components),
          source_(job),
          shared_(job.rows.axis.step == 1 ? ROWS : 1),
          height_(shared_ + job.rows.axis.taps - 1),
          ring_(height_),
          places_(job, widest(), true, Lanes<T>::count, ROWS * job.rows.axis.dilation) {
        const Axis& columns = job.columns.axis;
        const Int reach = (places_.columns() - 1) * columns.step + reach_of(columns);
        phase_ = ratio(reach, columns.step);  // pixels of each phase of a row
        filled_ = phase_ * columns.step * numbers_;
        length_ = up(filled_ + (LONG + 1) * Lanes<T>::count, Lanes<T>::count);
    }

    // What a thread needs.
    Int bytes() { return take(Parts(nullptr)); }

    Outcome run(Next next, void* counter) {
        const Memory memory(take(Parts(nullptr)));
        if (memory.failed()) return Outcome::no_memory;
        take(Parts(memory.get()));
        prepare();
        bool finite = true;
        for (Int index = next(counter); index < places_.count(); index = next(counter)) {
            const Place place = places_[index];
            find_planes(place);
            source_.look(job_.columns.axis.first + place.left * job_.columns.axis.step,
                         (place.right - place.left - 1) * job_.columns.axis.step + reach_of(job_.columns.axis));
            if (job_.method == Method::direct)
                direct(place);
            else
                finite &= separable(place);
        }
        return finite ? Outcome::finite : Outcome::not_finite;
    }

private:
    static Int count_lead_taps(const Job& job) {
        Int count = 1;
        for (int a = 0; a < job.leads; ++a) count *= job.lead[a].axis.taps;
        return count;
    }

    // -------------------------------------------------------------------------------------------- memory

    Int ring_rows() const { return ring_ * lead_taps_; }

    // Columns of a strip. Wide ones, whose rows stay in a second-level cache only: memory is read faster in long rows,
    // and fewer columns are read twice.
    Int widest() const {
        const Int rows = ring_rows() + (job_.method == Method::direct ? 0 : ROWS * job_.rank + 2);
        return FAR_BYTES / (rows * numbers_ * static_cast<Int>(sizeof(T)));
    }
    Int out_rows() const { return job_.method == Method::separable ? ROWS * job_.rank + 1 : ROWS + is_stackable(); }

    Int window_rows() const {
        return most(most(height_ * lead_taps_, job_.rank), job_.columns.axis.taps / Lanes<T>::count + ROWS);
    }

    // The bytes it needs, which are at the parts' memory if they have any.
    Int take(Parts parts) {
        rings_ = parts.take<T>(length_ * ring_rows());
        out_ = parts.take<T>(length_ * out_rows());
        window_ = parts.take<const T*>(window_rows());
        held_ = parts.take<const T*>(ring_ * lead_taps_);
        planes_ = parts.take<const char*>(lead_taps_);
        offsets_ = parts.take<Int>(job_.columns.axis.taps);
        source_.take(parts, phase_ * job_.columns.axis.step);
        return parts.taken();
    }

    void prepare() {
        // Vectors reach beyond a row's end and over the gaps between phases; what they compute there is not used,
        // but no accidental NaN may be among it, as `separable` looks for one.
        const Int first = job_.columns.axis.step == 1 ? filled_ : 0;
        for (Int row = 0; row < ring_rows(); ++row)
            for (Int i = first; i < length_; ++i) rings_[row * length_ + i] = 0;
        for (Int row = 0; row < out_rows(); ++row)
            for (Int i = first; i < length_; ++i) out_[row * length_ + i] = 0;
        const Axis& columns = job_.columns.axis;
        for (Int j = 0; j < columns.taps; ++j) {
            const Int at = j * columns.dilation;
            offsets_[j] = (at % columns.step * phase_ + at / columns.step) * numbers_;
            if (offsets_[j] != j) gaps_ = offsets_;
        }
    }

    // ---------------------------------------------------------------------------------------------- rows

    // Which plane of the source each lead tap reads; null where it lies outside, on the fill value.
    void find_planes(const Place& place) {
        const Int count = lead_taps_ / job_.components;
        for (Int tap = 0; tap < count; ++tap) {
            const char* plane = place.source;
            Int index = tap;
            for (int a = job_.leads - 1; a >= 0; --a) {
                const Walk& walk = job_.lead[a];
                const Int i = index % walk.axis.taps;
                index /= walk.axis.taps;
                const Int at = walk.axis.first + place.lead[a] * walk.axis.step + i * walk.axis.dilation;
                const Int sample = sample_at(walk.axis, at);
                plane = plane && sample >= 0 ? plane + sample * walk.source : nullptr;
            }
            planes_[tap] = plane;
        }
    }

    // The columns of a tile's rows that are read where they lie. `separable` takes sums down the columns of them, and
    // puts what lies beyond the edges into those. `direct` takes its outputs from `left` on of them; those before and
    // after, whole vectors, read the edges from the ring.
    struct Span {
        bool in_place;
        Int left, length;
    };

    // Whether source rows are what the kernels want already, and long enough to be read no further than they must.
    Span span(const Place& place) const {
        const Int item = sizeof(T);
        const Inside& in = source_.inside();
        const Int outputs = (place.right - place.left) * numbers_;
        const bool alike = job_.reads_as_is && job_.components == 1 && job_.columns.axis.step == 1 &&
                           job_.channel_source == item && job_.columns.source == numbers_ * item;
        if (job_.method == Method::direct) {
            const Int block = WIDE * Lanes<T>::count, left = up(in.low * numbers_, block);
            const Int length = outputs - left - up((in.reach - in.high) * numbers_, block);
            const bool apart = outputs >= LEAST_APART && source_.edges() != Edges::mixed && !is_stackable();
            if (alike && (apart || length == outputs) && is_straight(length)) return {true, left, length};
            return {false, 0, outputs};
        }
        const Int length = (in.high - in.low) * numbers_;
        if (alike && fills_vectors(length) && source_.ends_follow()) return {true, in.low * numbers_, length};
        return {false, 0, filled_};
    }

    // Where that row lies; null if it is outside, or not aligned.
    const char* source_row(const char* plane, Int position, const Place& place) const {
        const Int sample = plane ? sample_at(job_.rows.axis, position) : -1;
        if (sample < 0) return nullptr;
        const char* row = plane + sample * job_.rows.source +
                          (job_.columns.axis.first + place.left) * job_.columns.source;
        return reinterpret_cast<std::uintptr_t>(row) % sizeof(T) ? nullptr : row;
    }

    // Output rows that read the same rows: y, y + every, ..., `count` of them. In the ring, row u is the one at
    // position base + u * dilation; each output reads on from the one before by `hop` of these.
    struct Chain {
        Int base, y, every, count, hop;
    };

    // Rows from `filled` to `until` into the rings, for a complex kernel also times i: (a, b) becomes (-b, a). Of rows
    // that are read where they lie no more than `direct` reads at their ends.
    INLINE void advance(const Chain& chain, Int& filled, Int until, const Span& span, const Place& place) {
        const Int outputs = (place.right - place.left) * numbers_, beyond = reach_of(job_.columns.axis) - 1;
        const bool ends = job_.method == Method::direct && span.length < outputs;
        const Int before = ratio(span.left, numbers_) + beyond, after = (span.left + span.length) / numbers_;
        Int slot = filled % ring_;
        for (; filled < until; ++filled) {
            const Int position = job_.rows.axis.first + chain.base + filled * job_.rows.axis.dilation;
            const char* const* planes = planes_;
            for (Int index = slot; index < ring_rows(); index += ring_ * job_.components) {
                const char* plane = *planes++;
                T* row = rings_ + index * length_;
                if (span.in_place) {
                    held_[index] = reinterpret_cast<const T*>(source_row(plane, position, place));
                    if (held_[index] && ends) source_.read_ends(row, held_[index], before, after);
                    if (held_[index]) continue;
                }
                held_[index] = row;
                source_.read(row, plane, position, phase_);
                if (job_.components == 2) {
                    T* turned = row + ring_ * length_;
                    held_[index + ring_] = turned;
                    for (Int i = 0; i + 1 < length_; i += 2) {
                        turned[i] = 0 - row[i + 1];
                        turned[i + 1] = row[i];
                    }
                }
            }
            if (++slot == ring_) slot = 0;
        }
    }

    char* target_row(Int y, const Place& place) const {
        return place.target + (y - place.top) * job_.rows.target;
    }

    void write_row(const T* from, Int y, const Place& place) const {
        write_(job_, target_row(y, place), from, place.right - place.left,
               job_.columns.target, numbers_, job_.channel_target);
    }

    // Calls compute(y, every, count, row) for output rows y, y + every, ..., at most ROWS, that share rows;
    // the first of them is `row` in the rings.
    template <class Compute>
    void for_bands(const Place& place, const Span& inside, Compute compute) {
        const Axis& rows = job_.rows.axis;
        const Int outputs = place.bottom - place.top;
        if (rows.step == 1) {
            for (Int phase = 0; phase < least(rows.dilation, outputs); ++phase) {
                const Int y = place.top + phase, count = ratio(outputs - phase, rows.dilation);
                follow({y, y, rows.dilation, count, 1}, place, inside, compute);
            }
        } else if (rows.dilation == 1) {
            follow({place.top * rows.step, place.top, 1, outputs, rows.step}, place, inside, compute);
        } else {
            for (Int y = place.top; y < place.bottom; ++y) follow({y * rows.step, y, 1, 1, 0}, place, inside, compute);
        }
    }

    template <class Compute>
    void follow(const Chain& chain, const Place& place, const Span& inside, Compute compute) {
        Int filled = 0;
        for (Int done = 0; done < chain.count; done += shared_) {
            const Int count = least(shared_, chain.count - done), row = done * chain.hop;
            filled = most(filled, row);
            advance(chain, filled, row + count - 1 + job_.rows.axis.taps, inside, place);
            compute(chain.y + done * chain.every, chain.every, count, row);
        }
    }

    // Columns of the output, and whether what they read of source rows that are read in place is in the rings.
    struct Stretch {
        Int left, length;
        bool in_rings = false;
    };

    // Points `window_` at `height` rows of every ring, from a stretch's first column on.
    void look(Int row, Int height, const Stretch& stretch) {
        for (Int lead = 0; lead < lead_taps_; ++lead) {
            Int at = row % ring_;
            for (Int i = 0; i < height; ++i) {
                const Int index = lead * ring_ + at;
                window_[lead * height + i] = (stretch.in_rings ? rings_ + index * length_ : held_[index]) + stretch.left;
                if (++at == ring_) at = 0;
            }
        }
    }

    // ------------------------------------------------------------------------------------------- engines

    // A stretch of `count` output rows, which read the rings from `row` on.
    void correlate(T* const* out, Int count, Int row, const Stretch& stretch, bool room, Int columns, const Int* offsets,
                   const T* taps, const Ahead<T>& ahead) {
        const Int height = job_.rows.axis.taps;
        typename Lanes<T>::Vector unwatched = {};
        T* to[ROWS];
        for (Int r = 0; r < count; ++r) to[r] = out[r] + stretch.left;
        if (count == ROWS) {
            look(row, height_, stretch);
            correlate_rows<T, ROWS>(to, stretch.length, room, window_, lead_taps_, height, columns, offsets, taps, ahead,
                                    unwatched);
            return;
        }
        for (Int r = 0; r < count; ++r) {
            look(row + r, height, stretch);
            correlate_rows<T, 1>(to + r, stretch.length, room, window_, lead_taps_, height, columns, offsets, taps, ahead,
                                 unwatched);
        }
    }

    // The source rows that the band after this one reads first.
    Ahead<T> look_ahead(Int y, Int every, const Place& place) const {
        Ahead<T> ahead;
        const Axis &rows = job_.rows.axis, &columns = job_.columns.axis;
        const bool hides = lead_taps_ * rows.taps * columns.taps >= LEAST_AHEAD;
        if (!(hides || is_large(rows.size, job_.rows.source)) || columns.step != 1 ||
            job_.columns.source != numbers_ * job_.source_item)
            return ahead;
        ahead.asks = true;
        ahead.bytes = job_.source_item;
        const Int start = most(columns.first + place.left, 0);
        for (int r = 0; r < ROWS; ++r) {
            const Int position = rows.first + (y + (shared_ + r) * every) * rows.step + reach_of(rows) - 1;
            if (planes_[0] && position >= 0 && position < rows.size)
                ahead.row[r] = planes_[0] + position * job_.rows.source + start * job_.columns.source;
        }
        return ahead;
    }

    // Asks for the output row `y` as the r-th to be written next, if that is worth it.
    void ask_for(Ahead<T>& ahead, int r, Int y, const Place& place) const {
        if (y >= place.bottom || !is_large(job_.rows.axis.outputs, job_.rows.target)) return;
        ahead.asks = true;
        ahead.target[r] = reinterpret_cast<const T*>(target_row(y, place));
    }

    // Whether sums can be stored at once where they belong.
    bool is_straight(Int length) const {
        const Int item = sizeof(T);
        return job_.writes_as_is && job_.target_item == item && job_.channel_target == item &&
               job_.columns.target == numbers_ * item && fills_vectors(length);
    }

    // Whether a row is long enough to be read and written to its end and no further.
    static bool fills_vectors(Int length) { return length >= LONG * Lanes<T>::count; }

    // A long kernel of one row, as if it had several rows of `width` taps and stood before an image whose rows are
    // the line shifted by `width`: then outputs share inputs as rows do. What is left of the taps comes after. So it
    // does in a strip too short for it, where sums must be taken in the same order.
    void correlate_stacked(T* out, Int length, const T* row, const T* taps) {
        constexpr Int width = WIDE * Lanes<T>::count, block = ROWS * width;
        const Int columns = job_.columns.axis.taps, tall = columns / width;
        typename Lanes<T>::Vector unwatched = {};
        window_[0] = row;
        if (length < block)
            correlate_rows<T, 1>(&out, length, !fills_vectors(length), window_, 1, 1, tall * width, nullptr, taps, nothing_,
                                 unwatched);
        for (Int x = 0; x < length && length >= block; x += block) {
            x = least(x, length - block);
            T* to[ROWS];
            for (int r = 0; r < ROWS; ++r) to[r] = out + x + r * width;
            for (Int u = 0; u < tall + ROWS - 1; ++u) window_[u] = row + x + u * width;
            tile<T, ROWS, WIDE, ANY, 0>(to, 0, window_, 1, tall, width, nullptr, taps, unwatched);
        }
        const Int rest = columns - tall * width;
        if (!rest) return;
        T* partial = out_ + ROWS * length_;  // beside the rows that are not written yet
        window_[0] = row + tall * width;
        correlate_rows<T, 1>(&partial, length, false, window_, 1, 1, rest, nullptr, taps + tall * width, nothing_,
                             unwatched);
        for (Int x = 0; x < length; ++x) out[x] += partial[x];
    }

    // Decided for all strips alike.
    bool is_stackable() const {
        constexpr Int width = WIDE * Lanes<T>::count;
        const Axis &rows = job_.rows.axis, &columns = job_.columns.axis;
        return rows.taps == 1 && lead_taps_ == 1 && numbers_ == 1 && columns.step == 1 && columns.dilation == 1 &&
               columns.taps >= 2 * width && columns.outputs >= ROWS * width;
    }

    void direct(const Place& place) {
        const Axis &rows = job_.rows.axis, &columns = job_.columns.axis;
        const T* taps =
            static_cast<const T*>(job_.taps) + place.kernel * lead_taps_ * rows.taps * columns.taps;
        const Int length = (place.right - place.left) * numbers_;
        const bool straight = is_straight(length), stackable = is_stackable();
        const Span inside = span(place);
        const Int after = inside.left + inside.length;
        for_bands(place, inside, [&](Int y, Int every, Int count, Int row) {
            T* out[ROWS];
            for (Int r = 0; r < count; ++r)
                out[r] = straight ? reinterpret_cast<T*>(target_row(y + r * every, place)) : out_ + r * length_;
            if (stackable) {
                for (Int r = 0; r < count; ++r) correlate_stacked(out[r], length, held_[(row + r) % ring_], taps);
            } else {
                const auto correlate_stretch = [&](const Stretch& stretch, const Ahead<T>& ahead) {
                    correlate(out, count, row, stretch, !straight, columns.taps, gaps_, taps, ahead);
                };
                Ahead<T> ahead = look_ahead(y, every, place);
                for (int r = 0; straight && r < ROWS; ++r) ask_for(ahead, r, y + (count + r) * every, place);
                correlate_stretch({inside.left, inside.length}, ahead);
                if (inside.left > 0) correlate_stretch({0, inside.left, true}, nothing_);
                if (after < length) correlate_stretch({after, length - after, true}, nothing_);
            }
            if (!straight)
                for (Int r = 0; r < count; ++r) write_row(out[r], y + r * every, place);
        });
    }

    // Down the columns with one factor, along the rows with the other, summed over the rank. The rows in
    // between never leave the cache.
    bool separable(const Place& place) {
        const Axis &rows = job_.rows.axis, &columns = job_.columns.axis;
        const T* down = static_cast<const T*>(job_.taps);
        const T* along = down + job_.rank * rows.taps;
        const Int length = (place.right - place.left) * numbers_;
        const bool straight = is_straight(length);
        T* const between = out_ + length_;  // [row][rank]
        const Span inside = span(place);
        typename Lanes<T>::Vector watched = {};
        Ahead<T> following;
        for_bands(place, inside, [&](Int y, Int every, Int count, Int row) {
            const Ahead<T> ahead = look_ahead(y, every, place);
            for (Int k = 0; k < job_.rank; ++k) {
                T* out[ROWS];
                for (int r = 0; r < ROWS; ++r) out[r] = between + (r * job_.rank + k) * length_;
                correlate(out, count, row, {inside.left, inside.length}, !inside.in_place, 1, nullptr,
                          down + k * rows.taps, k == 0 ? ahead : nothing_);
                if (inside.in_place)
                    for (Int r = 0; r < count; ++r) source_.put_ends(out[r]);
            }
            for (Int r = 0; r < count; ++r) {
                for (Int k = 0; k < job_.rank; ++k) window_[k] = between + (r * job_.rank + k) * length_;
                T* total = straight ? reinterpret_cast<T*>(target_row(y + r * every, place)) : out_;
                if (straight) ask_for(following, 0, y + (r + 1) * every, place);
                correlate_rows<T, 1>(&total, length, !straight, window_, job_.rank, 1, columns.taps, gaps_, along,
                                     following, watched);
                if (!straight) write_row(total, y + r * every, place);
            }
        });
        bool finite = true;
        for (int lane = 0; lane < Lanes<T>::count; ++lane) finite &= watched[lane] == 0;
        return finite;
    }

    const Job& job_;
    const Write<T> write_;
    const Ahead<T> nothing_;
    const Int numbers_;    // per pixel
    const Int lead_taps_;  // and components
    SourceRows<T> source_;
    Int shared_, height_;  // output rows of a register tile, and the input rows that they read
    Int ring_;             // rows kept for each lead tap
    Places places_;
    Int phase_, filled_, length_;  // pixels of a phase, numbers of a row, and with room beyond
    T *rings_ = nullptr, *out_ = nullptr;
    const T** held_ = nullptr;    // the rows in the rings, or where they lie in the source
    const T** window_ = nullptr;  // those that the outputs at hand read, in order
    const char** planes_ = nullptr;
    Int* offsets_ = nullptr;
    const Int* gaps_ = nullptr;  // the offsets, if taps are not side by side
};
