// The engines that add products up: direct, separable, running_sum. Included by kernels.cpp inside the namespace of
// its level.
//
// A job is cut into tiles: a range of output rows and of columns, of one plane. A tile reads its source row
// by row into a ring of rows in the cache, in the type of the arithmetic and extended beyond the edges, so
// that everything after it is aligned, contiguous and without conditions: dilation, stride and channels are
// nothing but the offset of a tap in a row. Output rows leave through one function that rounds and saturates.
#pragma once

// Where a tile lies: output rows and columns from .. to of one plane.
struct Place {
    const char* source;  // of the batch; lead axes are added per lead tap
    char* target;
    Int kernel;
    Int lead[MOST_AXES];  // output index along each lead axis
    Int top, bottom, left, right;
};

template <class T>
class Worker {
    static constexpr bool SUMS_ROUND = is_float<T>;

public:
    explicit Worker(const Job& job)
        : job_(job),
          write_(writer<typename Weighed<T>::type>(job.target_type)),
          numbers_(job.channels * job.components),
          lead_taps_(count_lead_taps(job) * job.components),
          source_(job) {
        const Axis &rows = job.rows.axis, &columns = job.columns.axis;
        shared_ = rows.step == 1 ? ROWS : 1;
        height_ = shared_ + rows.taps - 1;
        ring_ = job.method != Method::running_sum ? height_ : SUMS_ROUND ? rows.taps + 1 : 1;
        if (job.channel_source == job.source_item && job.columns.source == numbers_ * job.source_item)
            exchange_ = exchanger<T>(job.source_type);
        writes_bytes_ = job.target_type == Type::u8 && job.channel_target == 1 && job.columns.target == numbers_;
        plan_tiles();
        const Int reach = (columns_ - 1) * columns.step + reach_of(columns);
        phase_ = (reach + columns.step - 1) / columns.step;  // pixels of each phase of a row
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
        const Int tiles = count_tiles();
        bool finite = true;
        for (Int index = next(counter); index < tiles; index = next(counter)) {
            const Place place = locate(index);
            find_planes(place);
            source_.look(job_.columns.axis.first + place.left * job_.columns.axis.step,
                         (place.right - place.left - 1) * job_.columns.axis.step + reach_of(job_.columns.axis));
            switch (job_.method) {
                case Method::direct:
                    if constexpr (!Weighed<T>::in_float) direct(place);
                    break;
                case Method::separable:
                    if constexpr (!Weighed<T>::in_float) finite &= separable(place);
                    break;
                default: running_sum(place);
            }
        }
        return finite ? Outcome::finite : Outcome::not_finite;
    }

private:
    static Int count_lead_taps(const Job& job) {
        Int count = 1;
        for (int a = 0; a < job.leads; ++a) count *= job.lead[a].axis.taps;
        return count;
    }

    // Strips as wide as lets their rows stay in the cache; rows cut so that every thread gets some.
    void plan_tiles() {
        const Axis &rows = job_.rows.axis, &columns = job_.columns.axis;
        const Int depth = ring_ * lead_taps_ + (job_.method == Method::direct ? 0 : ROWS * job_.rank + 2);
        const Int pixel = numbers_ * static_cast<Int>(sizeof(T));
        const Int near = NEAR_BYTES / (depth * pixel);
        const Int wide = least(most(near, 8 * reach_of(columns)), FAR_BYTES / (depth * pixel));
        const Int least_wide = most(LEAST_COLUMNS / (numbers_ * columns.step), 1);
        columns_ = least(most(wide, least_wide), columns.outputs);
        const Int strips = (columns.outputs + columns_ - 1) / columns_;
        columns_ = (columns.outputs + strips - 1) / strips;  // all about equally wide
        if (columns_ < columns.outputs) {
            const Int whole = Lanes<T>::count * WIDE;
            columns_ = least(up(columns_ * numbers_, whole) / numbers_ + 1, columns.outputs);
        }
        rows_ = rows.outputs;
        if (job_.workers > 1) {
            const Int bands = (rows.outputs + 4 * job_.workers - 1) / (4 * job_.workers);
            rows_ = least(rows_, up(most(bands, most(32, 2 * reach_of(rows))), ROWS * rows.dilation));
            // Blocks of running sums start at the same rows in every tiling, so that all of them round alike.
            if (job_.method == Method::running_sum) rows_ = up(rows_, rows.taps);
        }
    }

    Int strips() const { return (job_.columns.axis.outputs + columns_ - 1) / columns_; }
    Int bands() const { return (job_.rows.axis.outputs + rows_ - 1) / rows_; }

    Int count_tiles() const {
        Int count = strips() * bands();
        for (int a = 0; a < job_.leads; ++a) count *= job_.lead[a].axis.outputs;
        for (int a = 0; a < job_.batches; ++a) count *= job_.batch[a].size;
        return count;
    }

    Place locate(Int index) const {
        Place place;
        place.left = index % strips() * columns_;
        place.right = least(place.left + columns_, job_.columns.axis.outputs);
        index /= strips();
        place.top = index % bands() * rows_;
        place.bottom = least(place.top + rows_, job_.rows.axis.outputs);
        index /= bands();
        place.source = job_.source;
        place.target = job_.target + place.top * job_.rows.target + place.left * job_.columns.target;
        place.kernel = 0;
        for (int a = job_.leads - 1; a >= 0; --a) {
            place.lead[a] = index % job_.lead[a].axis.outputs;
            index /= job_.lead[a].axis.outputs;
            place.target += place.lead[a] * job_.lead[a].target;
        }
        for (int a = job_.batches - 1; a >= 0; --a) {
            const Int at = index % job_.batch[a].size;
            index /= job_.batch[a].size;
            place.source += at * job_.batch[a].source;
            place.target += at * job_.batch[a].target;
            place.kernel += at * job_.batch[a].kernel;
        }
        return place;
    }

    // -------------------------------------------------------------------------------------------- memory

    Int ring_rows() const { return ring_ * lead_taps_; }
    Int out_rows() const { return job_.method == Method::separable ? ROWS * job_.rank + 1 : ROWS; }

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
        weighed_ = parts.take<float>(length_);
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

    // The columns of a tile's rows that sums down the columns are taken of, from `left` on. Where rows are read where
    // they lie, they have no numbers beyond the source's edges.
    struct Span {
        bool in_place;
        Int left, length;
    };

    // Whether source rows are what the kernels want already, to be read no further than they must. `direct` wants
    // what lies beyond the edges, too; `separable` puts that into its sums down the columns.
    Span span(const Place& place) const {
        const Int item = sizeof(T);
        const Inside& in = source_.inside();
        const Int length = (in.high - in.low) * numbers_, outputs = (place.right - place.left) * numbers_;
        const bool alike = job_.reads_as_is && job_.components == 1 && job_.columns.axis.step == 1 &&
                           job_.channel_source == item && job_.columns.source == numbers_ * item;
        const bool enough = job_.method == Method::direct ? is_straight(outputs) && in.high - in.low == in.reach
                                                          : fills_vectors(length) && source_.ends_follow();
        return alike && enough ? Span{true, in.low * numbers_, length} : Span{false, 0, filled_};
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

    // Rows from `filled` to `until` into the rings, for a complex kernel also times i: (a, b) becomes (-b, a).
    void advance(const Chain& chain, Int& filled, Int until, bool in_place, const Place& place) {
        for (; filled < until; ++filled) {
            const Int position = job_.rows.axis.first + chain.base + filled * job_.rows.axis.dilation;
            for (Int lead = 0; lead < lead_taps_; lead += job_.components) {
                const char* plane = planes_[lead / job_.components];
                const Int index = lead * ring_ + filled % ring_;
                if (in_place) {
                    const char* row = source_row(plane, position, place);
                    held_[index] = reinterpret_cast<const T*>(row);
                    if (row) continue;
                }
                T* row = rings_ + index * length_;
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
        }
    }

    char* target_row(Int y, const Place& place) const {
        return place.target + (y - place.top) * job_.rows.target;
    }

    void write_row(const typename Weighed<T>::type* from, Int y, const Place& place) const {
        write_(target_row(y, place), from, place.right - place.left,
               job_.columns.target, numbers_, job_.channel_target);
    }

    // Calls compute(y, every, count, row) for output rows y, y + every, ..., at most ROWS, that share rows;
    // the first of them is `row` in the rings.
    template <class Compute>
    void for_bands(const Place& place, Compute compute) {
        const Axis& rows = job_.rows.axis;
        const Int outputs = place.bottom - place.top;
        if (rows.step == 1) {
            for (Int phase = 0; phase < least(rows.dilation, outputs); ++phase) {
                const Int y = place.top + phase, count = (outputs - phase + rows.dilation - 1) / rows.dilation;
                follow({y, y, rows.dilation, count, 1}, place, compute);
            }
        } else if (rows.dilation == 1) {
            follow({place.top * rows.step, place.top, 1, outputs, rows.step}, place, compute);
        } else {
            for (Int y = place.top; y < place.bottom; ++y) follow({y * rows.step, y, 1, 1, 0}, place, compute);
        }
    }

    template <class Compute>
    void follow(const Chain& chain, const Place& place, Compute compute) {
        Int filled = 0;
        const bool in_place = span(place).in_place;
        for (Int done = 0; done < chain.count; done += shared_) {
            const Int count = least(shared_, chain.count - done), row = done * chain.hop;
            filled = most(filled, row);
            advance(chain, filled, row + count - 1 + job_.rows.axis.taps, in_place, place);
            compute(chain.y + done * chain.every, chain.every, count, row);
        }
    }

    // Points `window_` at `height` rows of every ring, from `left` on.
    void look(Int row, Int height, Int left) {
        for (Int lead = 0; lead < lead_taps_; ++lead) {
            Int at = row % ring_;
            for (Int i = 0; i < height; ++i) {
                window_[lead * height + i] = held_[lead * ring_ + at] + left;
                if (++at == ring_) at = 0;
            }
        }
    }

    // ------------------------------------------------------------------------------------------- engines

    // `count` output rows of `length` numbers, which read the rings from `row` and `left` on.
    void correlate(T* const* out, Int count, Int row, Int left, Int length, bool room, Int columns,
                   const Int* offsets, const T* taps, const Ahead& ahead) {
        const Int height = job_.rows.axis.taps;
        typename Lanes<T>::Vector unwatched = {};
        if (count == ROWS) {
            look(row, height_, left);
            correlate_rows<T, ROWS>(out, length, room, window_, lead_taps_, height, columns, offsets, taps, ahead, unwatched);
            return;
        }
        for (Int r = 0; r < count; ++r) {
            look(row + r, height, left);
            correlate_rows<T, 1>(out + r, length, room, window_, lead_taps_, height, columns, offsets, taps, ahead, unwatched);
        }
    }

    // The source rows that the band after this one reads first.
    Ahead look_ahead(Int y, Int every, const Place& place) const {
        Ahead ahead;
        const Axis &rows = job_.rows.axis, &columns = job_.columns.axis;
        if (lead_taps_ * rows.taps * columns.taps < LEAST_AHEAD || columns.step != 1 ||
            job_.columns.source != numbers_ * job_.source_item)
            return ahead;
        ahead.bytes = job_.source_item;
        const Int start = most(columns.first + place.left, 0);
        for (int r = 0; r < ROWS; ++r) {
            const Int position = rows.first + (y + (shared_ + r) * every) * rows.step + reach_of(rows) - 1;
            if (planes_[0] && position >= 0 && position < rows.size)
                ahead.row[r] = planes_[0] + position * job_.rows.source + start * job_.columns.source;
        }
        return ahead;
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
    // the line shifted by `width`: then outputs share inputs as rows do. What is left of the taps comes after.
    void correlate_stacked(T* out, Int length, const T* row, const T* taps) {
        constexpr Int width = WIDE * Lanes<T>::count, block = ROWS * width;
        const Int columns = job_.columns.axis.taps, tall = columns / width;
        typename Lanes<T>::Vector unwatched = {};
        for (Int x = 0; x < length; x += block) {
            x = least(x, length - block);
            T* to[ROWS];
            for (int r = 0; r < ROWS; ++r) to[r] = out + x + r * width;
            for (Int u = 0; u < tall + ROWS - 1; ++u) window_[u] = row + x + u * width;
            tile<T, ROWS, WIDE, 0, 0>(to, 0, window_, 1, tall, width, offsets_, taps, unwatched);
        }
        const Int rest = columns - tall * width;
        if (!rest) return;
        T* partial = out_ + (ROWS - 1) * length_;
        window_[0] = row + tall * width;
        correlate_rows<T, 1>(&partial, length, false, window_, 1, 1, rest, offsets_, taps + tall * width, Ahead(),
                             unwatched);
        for (Int x = 0; x < length; ++x) out[x] += partial[x];
    }

    bool is_stackable(Int length) const {
        constexpr Int width = WIDE * Lanes<T>::count;
        const Axis &rows = job_.rows.axis, &columns = job_.columns.axis;
        return rows.taps == 1 && lead_taps_ == 1 && numbers_ == 1 && columns.step == 1 && columns.dilation == 1 &&
               columns.taps >= 2 * width && length >= ROWS * width;
    }

    void direct(const Place& place) {
        const Axis &rows = job_.rows.axis, &columns = job_.columns.axis;
        const T* taps =
            static_cast<const T*>(job_.taps) + place.kernel * lead_taps_ * rows.taps * columns.taps;
        const Int length = (place.right - place.left) * numbers_;
        const bool straight = is_straight(length), stackable = is_stackable(length);
        for_bands(place, [&](Int y, Int every, Int count, Int row) {
            T* out[ROWS];
            for (Int r = 0; r < count; ++r)
                out[r] = straight ? reinterpret_cast<T*>(target_row(y + r * every, place)) : out_ + r * length_;
            if (stackable) {
                for (Int r = 0; r < count; ++r) correlate_stacked(out[r], length, held_[(row + r) % ring_], taps);
            } else {
                const Ahead ahead = look_ahead(y, every, place);
                correlate(out, count, row, 0, length, !straight, columns.taps, offsets_, taps, ahead);
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
        const Int straight_down = 0;
        const bool straight = is_straight(length);
        T* const between = out_ + length_;  // [row][rank]
        const Span inside = span(place);
        typename Lanes<T>::Vector watched = {};
        for_bands(place, [&](Int y, Int every, Int count, Int row) {
            const Ahead ahead = look_ahead(y, every, place);
            for (Int k = 0; k < job_.rank; ++k) {
                T* out[ROWS];
                for (int r = 0; r < ROWS; ++r) out[r] = between + (r * job_.rank + k) * length_ + inside.left;
                correlate(out, count, row, inside.left, inside.length, !inside.in_place, 1, &straight_down,
                          down + k * rows.taps, k == 0 ? ahead : Ahead());
                if (inside.in_place)
                    for (Int r = 0; r < count; ++r) source_.put_ends(out[r] - inside.left);
            }
            for (Int r = 0; r < count; ++r) {
                for (Int k = 0; k < job_.rank; ++k) window_[k] = between + (r * job_.rank + k) * length_;
                T* total = straight ? reinterpret_cast<T*>(target_row(y + r * every, place)) : out_;
                correlate_rows<T, 1>(&total, length, !straight, window_, job_.rank, 1, columns.taps, offsets_,
                                     along, Ahead(), watched);
                if (!straight) write_row(total, y + r * every, place);
            }
        });
        bool finite = true;
        for (int lane = 0; lane < Lanes<T>::count; ++lane) finite &= watched[lane] == 0;
        return finite;
    }

    // Sums of equal taps at a cost that their number hardly changes. Floats are weighed by the tap before they
    // are added, as in the definition; integers after, so that their sums stay exact.
    void running_sum(const Place& place) {
        if constexpr (SUMS_ROUND)
            add_blocks(place);
        else
            add_and_subtract(place);
    }

    // Down the columns a window is the end of one block of rows and the start of the next (van Herk 1992, Gil
    // and Werman 1993). Nothing is ever subtracted, so rounding errors do not build up and a NaN stays in the
    // windows that hold it.
    void add_blocks(const Place& place) {
        const Int size = job_.rows.axis.taps, first = job_.rows.axis.first;
        T *prefix = out_, *sum = out_ + length_;
        T* const fresh = rings_ + size * length_;
        for (Int top = place.top; top < place.bottom; top += size) {
            for (Int i = size - 1; i >= 0; --i) {
                T* suffix = rings_ + i * length_;
                read_weighed(suffix, first + top + i);
                if (i < size - 1) add(suffix, suffix, suffix + length_);
            }
            for (Int i = 0; i < least(size, place.bottom - top); ++i) {
                const T* suffix = rings_ + i * length_;
                if (i > 0) {
                    read_weighed(i == 1 ? prefix : fresh, first + top + size + i - 1);
                    if (i > 1) add(prefix, prefix, fresh);
                    add(sum, suffix, prefix);
                }
                deliver_sums(i > 0 ? sum : suffix, top + i, place);
            }
        }
    }

    // Sums of integers are exact, so the row that leaves the window may be subtracted again.
    void add_and_subtract(const Place& place) {
        const Int size = job_.rows.axis.taps;
        T* const sum = out_;
        for (Int x = 0; x < filled_; ++x) sum[x] = 0;
        for (Int i = 0; i < size; ++i) exchange(sum, place.top + i, -1);
        for (Int y = place.top;; ++y) {
            deliver_sums(sum, y, place);
            if (y + 1 == place.bottom) break;
            exchange(sum, y + size, y);
        }
    }

    // Adds one row to the sums and takes another away, unless it is -1.
    void exchange(T* sum, Int added, Int removed) {
        const Int first = job_.rows.axis.first;
        if (exchange_) {
            // Straight from the source; what stands beyond the ends of the sums are copies too, or 0.
            const Inside& in = source_.inside();
            if (source_.edges() != Edges::mixed && in.high > in.low) {
                const auto row = [&](Int index) {
                    const Int sample = index < 0 ? -1 : sample_at(job_.rows.axis, first + index);
                    return sample < 0 ? nullptr
                                      : planes_[0] + sample * job_.rows.source +
                                            (in.start + in.low) * job_.columns.source;
                };
                exchange_(sum + in.low * numbers_, row(added), row(removed), (in.high - in.low) * numbers_);
                if (source_.edges() == Edges::copies) source_.copy_edges(sum, in.low, in.high, in.reach);
                return;
            }
        }
        T *fresh = out_ + length_, *old = rings_;
        source_.read(fresh, planes_[0], first + added, phase_);
        if (removed < 0) {
            add(sum, sum, fresh);
            return;
        }
        source_.read(old, planes_[0], first + removed, phase_);
        for (Int x = 0; x < filled_; x += Lanes<T>::count)
            store(sum + x, load(sum + x) + (load(fresh + x) - load(old + x)));
    }

    void read_weighed(T* out, Int position) const {
        source_.read(out, planes_[0], position, phase_);
        const T tap = *static_cast<const T*>(job_.taps);
        for (Int x = 0; x < filled_; ++x) out[x] *= tap;
    }

    void add(T* out, const T* a, const T* b) const {
        for (Int x = 0; x < filled_; x += Lanes<T>::count) store(out + x, load(a + x) + load(b + x));
    }

    // An output row from the sums down the columns: their sums along the row, times the tap if it is not in
    // them yet.
    void deliver_sums(const T* sums, Int y, const Place& place) {
        const Int length = (place.right - place.left) * numbers_;
        T* const total = out_ + 3 * length_;
        slide(total, sums, out_ + 2 * length_, length);
        if constexpr (Weighed<T>::in_float) {
            const float tap = *static_cast<const float*>(job_.taps);
            if (!writes_bytes_) {
                weigh(total, tap, length);
                write_row(weighed_, y, place);
                return;
            }
            std::uint8_t* to = reinterpret_cast<std::uint8_t*>(target_row(y, place));
            const float largest = tap * 255 * static_cast<float>(job_.rows.axis.taps * job_.columns.axis.taps);
            const bool fit = job_.source_type == Type::u8 && tap >= 0 && largest < 255.5f;
            Int x = fit ? saturate_vectors<true>(to, total, length, tap)
                        : saturate_vectors<false>(to, total, length, tap);
            for (; x < length; ++x)
                to[x] = fit ? low_bits<std::uint8_t>(static_cast<float>(total[x]) * tap + ROUNDING)
                            : saturate<std::uint8_t>(static_cast<float>(total[x]) * tap);
        } else {
            if constexpr (!SUMS_ROUND) {
                const T tap = *static_cast<const T*>(job_.taps);
                for (Int x = 0; x < length; ++x) total[x] *= tap;
            }
            write_row(total, y, place);
        }
    }

    // In double precision, as sums of words are larger than a float holds; and rounded here, if at all.
    template <class Sum>
    void weigh(const Sum* total, float tap, Int length) const {
        constexpr double rounding = 6755399441055744.0;  // 1.5 * 2^52, as ROUNDING
        const bool whole = job_.target_type == Type::u8 || job_.target_type == Type::u16;
        for (Int x = 0; x < length; ++x) {
            const double value = static_cast<double>(total[x]) * static_cast<double>(tap);
            weighed_[x] = static_cast<float>(whole ? (value + rounding) - rounding : value);
        }
    }

    // total[x] is the sum of `taps` pixels of `sums` from x on: a few one by one, many put together from sums
    // of 1, 2, 4, ... neighbours.
    void slide(T* total, const T* sums, T* doubled, Int length) const {
        const Int taps = job_.columns.axis.taps;
        if (taps <= FEW) {
            for (Int x = 0; x < length; x += Lanes<T>::count) {
                auto sum = load(sums + x);
                for (Int j = 1; j < taps; ++j) sum += load(sums + x + j * numbers_);
                store(total + x, sum);
            }
            return;
        }
        Int offset = 0, power = numbers_, valid = length + (taps - 1) * numbers_;
        bool first = true;
        for (Int bits = taps;; bits >>= 1) {
            if (bits & 1) {
                if (first)
                    for (Int x = 0; x < length; x += Lanes<T>::count) store(total + x, load(sums + x));
                else
                    for (Int x = 0; x < length; x += Lanes<T>::count)
                        store(total + x, load(total + x) + load(sums + x + offset));
                first = false;
                offset += power;
            }
            if (bits == 1) break;
            valid -= power;
            for (Int x = 0; x < valid; x += Lanes<T>::count)  // what is read lies ahead of what is written
                store(doubled + x, load(sums + x) + load(sums + x + power));
            sums = doubled;
            power *= 2;
        }
    }

    const Job& job_;
    const Write<typename Weighed<T>::type> write_;
    Exchange<T> exchange_ = nullptr;
    const Int numbers_;    // per pixel
    const Int lead_taps_;  // and components
    SourceRows<T> source_;
    Int shared_, height_;  // output rows of a register tile, and the input rows that they read
    Int ring_;             // rows kept for each lead tap
    Int rows_, columns_;   // of a tile
    Int phase_, filled_, length_;  // pixels of a phase, numbers of a row, and with room beyond
    T *rings_ = nullptr, *out_ = nullptr;
    float* weighed_ = nullptr;  // a row of sums times the tap
    bool writes_bytes_ = false;  // into rows without gaps
    const T** held_ = nullptr;    // the rows in the rings, or where they lie in the source
    const T** window_ = nullptr;  // those that the outputs at hand read, in order
    const char** planes_ = nullptr;
    Int* offsets_ = nullptr;
};
