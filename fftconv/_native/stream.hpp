// Convolution of samples as they come: a kernel cut into segments, of which the first is added up tap by tap or
// transformed at once, and the later ones are transformed in longer and longer blocks, each while the next is coming
// in. Included by kernels.cpp inside the namespace of its level.
//
// A segment of blocks of N taps, the first of them at delay d, takes the last L >= 2 N samples whenever N more have
// come, transforms them, adds up the products with the spectra of all its taps, those of older samples with later
// taps, and transforms back once: the last N numbers are outputs that lie d behind. With d = 2 N all of this may take
// until the next N samples are there, and is cut into pieces of about the same cost, a few for every sample, so that
// no call has to do much more than another.
// (W. G. Gardner, J. Audio Eng. Soc. 43 (1995) 127; F. Wefers, Partitioned convolution algorithms for real-time
// auralization, 2015.)
#pragma once

constexpr Int LONGEST_STEP = 4096;  // samples that are added up tap by tap before they leave
constexpr Int LONG_PART = 192;      // samples that take as long as a transform there or back, whatever its length
constexpr Int ALWAYS = Int(1) << 62;

// The samples that came last, each written twice, so that they lie in one piece wherever the ring begins.
template <class T>
struct Ring {
    T* numbers;
    Int size;  // a power of two

    T* at(Int position) const { return numbers + (position & (size - 1)); }
    // The first of the samples before a position.
    const T* before(Int position, Int count) const { return at(position - count); }

    void put(Int position, T value) const {
        T* to = at(position);
        to[0] = to[size] = value;
    }
};

constexpr Int FARTHEST = ALWAYS / 2;  // position that a state may have: sums of a few of them do not overflow

template <class T>
void transfer_numbers(StreamState& state, T* numbers, Int count) {
    T* const at = static_cast<T*>(state.numbers) + state.number_count;
    if (state.direction == StreamState::save)
        for (Int i = 0; i < count; ++i) at[i] = numbers[i];
    if (state.direction == StreamState::restore)
        for (Int i = 0; i < count; ++i) numbers[i] = at[i];
    state.number_count += count;
}

// `place` is from 0 to `last`.
void transfer_place(StreamState& state, Int& place, Int last) {
    Int* const at = state.places + state.place_count++;
    if (state.direction == StreamState::save) *at = place;
    if (state.direction != StreamState::restore) return;
    if (*at < 0 || *at > last)
        state.valid = false;
    else
        place = *at;
}

INLINE Int power_of_two(Int least) {
    Int power = 64;
    while (power < least) power *= 2;
    return power;
}

template <class T>
class StreamSegment {
    typedef typename Lanes<T>::Vector Vector;
    static constexpr Int lanes = Lanes<T>::count, block_numbers = 2 * lanes * lanes;
    static constexpr int vectors = lanes < 4 ? lanes : 4;  // of sums that stay in registers
    enum Wanted { everything, prompt, delayed };           // outputs, by their delay

public:
    Int size, count;
    bool at_once;

    // Memory for, and if there is some, the spectra of, the taps of a segment; whether that went well.
    bool make(const Segment& segment, const StreamPlan& plan, Parts& parts, bool real) {
        tile_ = static_cast<const Transform<T>*>(segment.transform);
        size = segment.size;
        count = number_ = segment.count;
        at_once = segment.at_once;
        feeds_ = plan.feeds;
        sinks_ = segment.sinks;
        feed_ = parts.take<FeedState>(feeds_);
        sink_ = parts.take<SinkState>(sinks_);
        numbers_ = 2 * tile_->rows * tile_->columns;
        for (Int f = 0; f < feeds_; ++f) {
            FeedState state;
            state.inputs = plan.feed[f];
            state.re = parts.take<T>(tile_->plane());
            state.im = parts.take<T>(tile_->plane());
            state.spectra = parts.take<T>(numbers_ * count);
            if (!real) continue;
            clear(state.re, tile_->plane());  // what lies between its rows is part of a state
            clear(state.im, tile_->plane());
            feed_[f] = state;
        }
        Int widest = 0;
        for (Int s = 0; s < sinks_; ++s) {
            SinkState state;
            state.to = segment.sink[s];
            state.re = parts.take<T>(tile_->plane());
            state.im = parts.take<T>(tile_->plane());
            state.spectra = parts.take<T>(numbers_ * count * state.to.terms);
            state.feeds = parts.take<Int>(state.to.terms);
            for (Int t = 0; real && t < state.to.terms; ++t) state.feeds[t] = state.to.term[t].feed;
            state.to.term = nullptr;  // which does not last
            widest = most(widest, state.to.terms);
            if (real) sink_[s] = state;
        }
        panel_ = tile_->columns % (2 * lanes) ? lanes : 2 * lanes;
        panels_ = tile_->columns / panel_;
        groups_ = tile_->rows / tile_->together();
        panel_cost_ = tile_->rows * panel_;
        group_cost_ = tile_->together() * tile_->columns * (feeds_ + sinks_ + sinks_ * widest * count / 8);
        whole_cost_ = (feeds_ + sinks_) * panels_ * panel_cost_ + groups_ * group_cost_;
        scale_ = static_cast<T>(1) / static_cast<T>(tile_->rows * tile_->columns);
        return !real || transform_taps(segment);
    }

    Int length() const { return tile_->rows * tile_->columns; }
    void reset() {
        for (Int f = 0; f < feeds_; ++f) clear(feed_[f].spectra, numbers_ * count);
        newest_ = 0;
        piece_ = pieces();  // nothing to be done
    }

    // Spectra of samples, and the work on a block as far as it has come.
    void transfer(StreamState& state) {
        for (Int f = 0; f < feeds_; ++f) {
            transfer_numbers(state, feed_[f].spectra, numbers_ * count);
            transfer_numbers(state, feed_[f].re, tile_->plane());
            transfer_numbers(state, feed_[f].im, tile_->plane());
        }
        for (Int s = 0; s < sinks_; ++s) {
            transfer_numbers(state, sink_[s].re, tile_->plane());
            transfer_numbers(state, sink_[s].im, tile_->plane());
        }
        transfer_place(state, position_, FARTHEST);
        transfer_place(state, newest_, count - 1);
        transfer_place(state, piece_, pieces());
        transfer_place(state, done_, whole_cost_);
    }

    // Takes up the samples before `position`.
    void begin(Int position) {
        position_ = position;
        newest_ = (newest_ + 1) % count;
        piece_ = 0;
        done_ = 0;
    }

    // Does its share of the work while the next samples come: all of it with the last of them.
    void go_on(Int samples, const Ring<T>* inputs, const Ring<T>* outputs) {
        const Int last = pieces();
        // Compared as real numbers, as a product of large integers could overflow.
        const double due = static_cast<double>(whole_cost_) * static_cast<double>(samples) / static_cast<double>(size);
        while (piece_ < last && (samples == size || static_cast<double>(done_) < due))
            done_ += do_piece(piece_++, inputs, outputs);
    }

    // All the work on a block. `all`: its outputs have not been added up tap by tap.
    void do_block(Int position, bool all, const Ring<T>* inputs, const Ring<T>* outputs) {
        begin(position);
        wanted_ = all ? everything : delayed;
        go_on(size, inputs, outputs);
        wanted_ = everything;
    }

    // What the taps of the first block give to some of the outputs of one that is not complete: the rest of it
    // counts as 0.
    void do_part(Int start, Int position, Int step, const Ring<T>* inputs, const Ring<T>* outputs) {
        for (Int f = 0; f < feeds_; ++f) {
            const Int both[] = {feed_[f].inputs.re, feed_[f].inputs.im};
            for (Int input : both)
                for (Int at = position; input >= 0 && at < start + size; ++at) inputs[input].put(at, 0);
        }
        const Int newest = newest_;
        begin(start + size);  // into the place of the oldest block, which is of no more use
        wanted_ = prompt;
        first_ = position - step;
        last_ = position;
        number_ = 1;
        go_on(size, inputs, outputs);
        wanted_ = everything;
        first_ = 0;
        last_ = ALWAYS;
        number_ = count;
        newest_ = newest;
    }

    // Samples of a part from which on its transform takes less time than the sums.
    Int long_part(Int directs) const { return LONG_PART * (feeds_ + sinks_) / most(directs, 1); }

    // What the blocks so far give to the outputs of the one that comes.
    void do_earlier_blocks(Int position, const Ring<T>* outputs) {
        if (count == 1) return;
        position_ = position + size;
        wanted_ = prompt;
        for (Int g = 0; g < groups_; ++g)
            for (Int s = 0; s < sinks_; ++s) multiply(sink_[s], g, 1, count - 1);
        for (Int s = 0; s < sinks_; ++s)
            for (Int p = 0; p < panels_; ++p) deliver(sink_[s], p * panel_, outputs);
        wanted_ = everything;
    }

private:
    // Spectra lie by blocks of lanes * lanes numbers, of all partitions one after the other, so that what is
    // multiplied and added up lies side by side.
    struct FeedState {
        Feed inputs;
        T *re, *im, *spectra;
    };
    struct SinkState {
        Sink to;
        T *re, *im, *spectra;  // of one term after the other
        Int* feeds;            // of each term
    };

    Int pieces() const { return (feeds_ + sinks_) * panels_ + groups_; }

    bool transform_taps(const Segment& segment) {
        const Memory memory(numbers_ * static_cast<Int>(sizeof(T)));
        if (memory.failed()) return false;
        T* const spectrum = static_cast<T*>(memory.get());
        for (Int s = 0; s < sinks_; ++s) {
            SinkState& sink = sink_[s];
            for (Int t = 0; t < sink.to.terms; ++t) {
                const Term& term = segment.sink[s].term[t];
                for (Int partition = 0; partition < count; ++partition) {
                    lay(static_cast<const T*>(term.re), partition, sink.re);
                    lay(static_cast<const T*>(term.im), partition, sink.im);
                    find_spectrum(sink.re, sink.im, *tile_, spectrum);
                    T* to = sink.spectra + t * numbers_ * count + partition * block_numbers;
                    for (Int block = 0; block < numbers_ / block_numbers; ++block)
                        for (Int i = 0; i < block_numbers; ++i)
                            to[block * count * block_numbers + i] = spectrum[block * block_numbers + i];
                }
            }
        }
        return true;
    }

    void lay(const T* taps, Int partition, T* plane) const {
        clear(plane, tile_->plane());
        if (!taps) return;
        taps += partition * size;
        for (Int i = 0; i < size; ++i) plane[i / tile_->columns * tile_->stride + i % tile_->columns] = taps[i];
    }

    // Panels of columns on the way there; groups of rows, from sample to spectrum and back; panels on the way back.
    Int do_piece(Int piece, const Ring<T>* inputs, const Ring<T>* outputs) {
        if (piece < feeds_ * panels_) {
            FeedState& feed = feed_[piece / panels_];
            const Int x = piece % panels_ * panel_;
            fetch(feed.inputs.re, feed.re, x, inputs);
            fetch(feed.inputs.im, feed.im, x, inputs);
            columns<true>(feed.re + x, feed.im + x);
            return panel_cost_;
        }
        piece -= feeds_ * panels_;
        if (piece < groups_) {
            for (Int f = 0; f < feeds_; ++f) keep(feed_[f], piece);
            for (Int s = 0; s < sinks_; ++s) multiply(sink_[s], piece, 0, number_);
            return group_cost_;
        }
        piece -= groups_;
        deliver(sink_[piece / panels_], piece % panels_ * panel_, outputs);
        return panel_cost_;
    }

    template <bool FORWARD>
    void columns(T* re, T* im) const {
        if (panel_ == lanes)
            transform<FORWARD, 1>(re, im, tile_->stride, tile_->down);
        else
            transform<FORWARD, 2>(re, im, tile_->stride, tile_->down);
    }

    void fetch(Int input, T* plane, Int x, const Ring<T>* inputs) const {
        const T* from = input < 0 ? nullptr : inputs[input].before(position_, length()) + x;
        for (Int row = 0; row < tile_->rows; ++row)
            for (Int i = 0; i < panel_; i += lanes)
                store(plane + row * tile_->stride + x + i, from ? load(from + row * tile_->columns + i) : Vector{});
    }

    // The spectrum of the newest samples, a group of rows of it.
    void keep(FeedState& feed, Int group) const {
        const Int rows = tile_->together();
        T* to = feed.spectra + (first_block(group) * count + newest_) * block_numbers;
        transform_rows<true, false>(feed.re, feed.im, *tile_, group * rows, (group + 1) * rows,
                                    [&](const T* re, const T* im) {
                                        for (Int i = 0; i < block_numbers / 2; ++i) to[i] = re[i];
                                        for (Int i = 0; i < block_numbers / 2; ++i) to[block_numbers / 2 + i] = im[i];
                                        to += count * block_numbers;
                                    });
    }

    Int first_block(Int group) const { return group * tile_->together() * tile_->columns / (lanes * lanes); }

    // A group of rows of the sum over so many partitions from `first` on, transformed back along them.
    void multiply(SinkState& sink, Int group, Int first, Int number) const {
        const Int rows = tile_->together();
        Int block = first_block(group);
        transform_rows<false, true>(
            sink.re, sink.im, *tile_, group * rows, (group + 1) * rows, [&](T* re, T* im) {
                for (Int i = 0; i < block_numbers / 2; i += vectors * lanes) {
                    Complex<T> sums[vectors] = {};
                    for (Int t = 0; t < sink.to.terms; ++t) {
                        const T* of_taps = sink.spectra + t * numbers_ * count + block * count * block_numbers + i;
                        const T* of_samples = feed_[sink.feeds[t]].spectra + block * count * block_numbers + i;
                        // Going back from the newest, and around: where `first` is 1, the newest is the one before.
                        add_products(sums, of_samples, newest_, of_taps + first * block_numbers,
                                     least(newest_ + 1, number));
                        const Int rest = number - (newest_ + 1);
                        if (rest > 0)
                            add_products(sums, of_samples, count - 1,
                                         of_taps + (first + newest_ + 1) * block_numbers, rest);
                    }
                    for (Int v = 0; v < vectors; ++v) {
                        store(re + i + v * lanes, sums[v].re);
                        store(im + i + v * lanes, sums[v].im);
                    }
                }
                ++block;
            });
    }

    // Products of spectra, from slot `slot` down, with those of taps, from the first up.
    INLINE static void add_products(Complex<T> (&sums)[vectors], const T* of_samples, Int slot, const T* taps,
                                    Int number) {
        const T* samples = of_samples + slot * block_numbers;
        for (Int p = 0; p < number; ++p, samples -= block_numbers, taps += block_numbers) {
            for (Int v = 0; v < vectors; ++v) {
                const Int i = v * lanes;
                sums[v] = sums[v] + times<false>(Complex<T>{load(samples + i), load(samples + block_numbers / 2 + i)},
                                                 load(taps + i), load(taps + block_numbers / 2 + i));
            }
        }
    }

    // Adds the last `size` numbers of a panel of columns to the outputs that they belong to.
    void deliver(SinkState& sink, Int x, const Ring<T>* outputs) const {
        columns<false>(sink.re + x, sink.im + x);
        const T* const planes[] = {sink.re + x, sink.im + x};
        const Int skipped = length() - size;
        for (int part = 0; part < 2; ++part) {
            const Int delay = sink.to.delay[part];
            if (sink.to.output[part] < 0 || wanted_ == (delay ? prompt : delayed)) continue;
            const Ring<T>& ring = outputs[sink.to.output[part]];
            const Int position = position_ - length() + delay + x;
            for (Int row = skipped / tile_->columns; row < tile_->rows; ++row) {
                const T* from = planes[part] + row * tile_->stride;
                const Int place = row * tile_->columns, low = most(skipped - x - place, first_ - position - place);
                const Int high = least(panel_, last_ - position - place);
                for (Int i = most(low, 0); i < high; ++i) *ring.at(position + place + i) += from[i] * scale_;
            }
        }
    }

    const Transform<T>* tile_;
    Int feeds_, sinks_, numbers_;
    FeedState* feed_;
    SinkState* sink_;
    Int panel_, panels_, groups_, panel_cost_, group_cost_, whole_cost_;
    T scale_;
    Int position_ = 0, newest_ = 0, piece_ = 0, done_ = 0;
    Wanted wanted_ = everything;
    Int first_ = 0, last_ = ALWAYS;  // outputs that are wanted, by position
    Int number_;                     // blocks of taps that are
};

template <class T>
class Stream {
    typedef typename Lanes<T>::Vector Vector;
    static constexpr Int lanes = Lanes<T>::count;
    static constexpr int vectors = 8;  // of sums that stay in registers

public:
    // The bytes that a stream takes, or the stream at `memory`; -1 if there is none for what is needed on the way.
    static Int make(const StreamPlan& plan, void* memory) {
        Parts parts(memory);
        auto* const at = parts.take<Stream>(1);
        Stream made;
        made.inputs_ = plan.inputs;
        made.outputs_ = plan.outputs;
        made.directs_ = plan.directs;
        made.segments_ = plan.segments;
        made.input_ = parts.take<Ring<T>>(plan.inputs);
        made.output_ = parts.take<Ring<T>>(plan.outputs);
        made.direct_ = parts.take<Direct>(plan.directs);
        made.segment_ = parts.take<StreamSegment<T>>(plan.segments);
        made.sums_ = parts.take<T>(plan.outputs * LONGEST_STEP);
        Int history = 0, future = 0;
        for (Int s = 0; s < plan.segments; ++s) {
            const Segment& segment = plan.segment[s];
            const auto* const tile = static_cast<const Transform<T>*>(segment.transform);
            history = most(history, tile->rows * tile->columns + segment.size + plan.segment[0].size);
            for (Int i = 0; i < segment.sinks; ++i)
                for (Int delay : segment.sink[i].delay) future = most(future, delay + 2 * segment.size);
            StreamSegment<T> copy;
            if (!copy.make(segment, plan, parts, memory != nullptr)) return -1;
            if (memory) made.segment_[s] = copy;
        }
        for (Int d = 0; d < plan.directs; ++d) {
            Direct direct = plan.direct[d];
            if (direct.taps) history = most(history, direct.delays[direct.taps - 1] + 1 + LONGEST_STEP + vectors * lanes);
            T* const taps = parts.take<T>(direct.taps);
            Int* const delays = parts.take<Int>(direct.taps);
            if (!memory) continue;
            for (Int i = 0; i < direct.taps; ++i) taps[i] = static_cast<const T*>(direct.numbers)[i];
            for (Int i = 0; i < direct.taps; ++i) delays[i] = direct.delays[i];
            direct.numbers = taps;
            direct.delays = delays;
            made.direct_[d] = direct;
        }
        const Int sizes[] = {power_of_two(history), power_of_two(future + LONGEST_STEP)};
        for (Int i = 0; i < plan.inputs; ++i) {
            T* const numbers = parts.take<T>(2 * sizes[0]);
            if (memory) made.input_[i] = {numbers, sizes[0]};
        }
        for (Int o = 0; o < plan.outputs; ++o) {
            T* const numbers = parts.take<T>(sizes[1]);
            if (memory) made.output_[o] = {numbers, sizes[1]};
        }
        if (memory) {
            *at = made;
            at->reset();
        }
        return parts.taken();
    }

    void reset() {
        for (Int i = 0; i < inputs_; ++i) clear(input_[i].numbers, 2 * input_[i].size);
        for (Int o = 0; o < outputs_; ++o) clear(output_[o].numbers, output_[o].size);
        for (Int s = 0; s < segments_; ++s) segment_[s].reset();
        position_ = 0;
    }

    // Numbers that the plan gave, and scratch, are no part of it.
    void transfer(StreamState& state) {
        for (Int i = 0; i < inputs_; ++i) transfer_numbers(state, input_[i].numbers, 2 * input_[i].size);
        for (Int o = 0; o < outputs_; ++o) transfer_numbers(state, output_[o].numbers, output_[o].size);
        transfer_place(state, position_, FARTHEST);
        for (Int s = 0; s < segments_; ++s) segment_[s].transfer(state);
    }

    // So many samples of each input, and as many of each output. Samples that are not finite count as 0; whether
    // there were none.
    bool process(const Lent& in, const Lent& out, Int frames) {
        bool finite = true;
        for (Int done = 0; done < frames;) {
            Int step = frames - done;
            for (Int s = 0; s < segments_; ++s) step = least(step, segment_[s].size - position_ % segment_[s].size);
            const bool transforms_first = segments_ && segment_[0].at_once;
            const bool whole = transforms_first && step == segment_[0].size;
            const bool part = transforms_first && !whole && step >= segment_[0].long_part(directs_);
            if (!whole && !part) step = least(step, LONGEST_STEP);
            finite &= take(in, done, step);
            if (whole) {
                position_ += step;
                segment_[0].do_block(position_, true, input_, output_);
            } else {
                if (transforms_first && position_ % segment_[0].size == 0)
                    segment_[0].do_earlier_blocks(position_, output_);
                const Int start = transforms_first ? position_ - position_ % segment_[0].size : 0;
                if (!part) add_up(step);
                position_ += step;
                if (part) segment_[0].do_part(start, position_, step, input_, output_);
                if (transforms_first && position_ % segment_[0].size == 0)
                    segment_[0].do_block(position_, false, input_, output_);
            }
            for (Int s = transforms_first; s < segments_; ++s) {
                const Int samples = position_ % segment_[s].size;
                segment_[s].go_on(samples ? samples : segment_[s].size, input_, output_);
                if (samples == 0) segment_[s].begin(position_);
            }
            give(out, done, step, !whole && !part);
            done += step;
        }
        return finite;
    }

private:
    bool take(const Lent& in, Int done, Int step) {
        bool finite = true;
        for (Int i = 0; i < inputs_; ++i) {
            const char* from = in.start + done * in.frame + i * in.channel;
            const Ring<T> ring = input_[i];
            for (Int n = 0; n < step; ++n, from += in.frame) {
                T sample;
                __builtin_memcpy(&sample, from, sizeof(T));
                if (!(sample - sample == 0)) {
                    sample = 0;
                    finite = false;
                }
                ring.put(position_ + n, sample);
            }
        }
        return finite;
    }

    // What the taps of the direct part give, into `sums_`.
    void add_up(Int step) {
        for (Int o = 0; o < outputs_; ++o) clear(sums_ + o * LONGEST_STEP, up(step, lanes));
        for (Int d = 0; d < directs_; ++d) {
            const Direct& direct = direct_[d];
            if (!direct.taps) continue;
            const Int reach = direct.delays[direct.taps - 1];
            const T* const newest = input_[direct.input].before(position_ + step, step + reach) + reach;
            T* const sums = sums_ + direct.output * LONGEST_STEP;
            Int n = 0;
            for (; n + (vectors - 1) * lanes < step; n += vectors * lanes) add_taps<vectors>(sums + n, newest + n, direct);
            for (; n + (vectors / 2 - 1) * lanes < step; n += vectors / 2 * lanes)
                add_taps<vectors / 2>(sums + n, newest + n, direct);
            for (; n < step; n += lanes) add_taps<1>(sums + n, newest + n, direct);
        }
    }

    template <int W>
    static void add_taps(T* to, const T* newest, const Direct& direct) {
        const T* const taps = static_cast<const T*>(direct.numbers);
        Vector sums[W];
        for (int w = 0; w < W; ++w) sums[w] = load(to + w * lanes);
        for (Int i = 0; i < direct.taps; ++i) {
            const T* const samples = newest - direct.delays[i];
            for (int w = 0; w < W; ++w) sums[w] += load(samples + w * lanes) * taps[i];
        }
        for (int w = 0; w < W; ++w) store(to + w * lanes, sums[w]);
    }

    void give(const Lent& out, Int done, Int step, bool with_sums) {
        for (Int o = 0; o < outputs_; ++o) {
            char* to = out.start + done * out.frame + o * out.channel;
            const T* const sums = sums_ + o * LONGEST_STEP;
            for (Int n = 0; n < step; ++n, to += out.frame) {
                T& number = *output_[o].at(position_ - step + n);
                if (with_sums) number += sums[n];
                __builtin_memcpy(to, &number, sizeof(T));
                number = 0;
            }
        }
    }

    Int inputs_, outputs_, directs_, segments_;
    Ring<T>*input_, *output_;
    Direct* direct_;
    StreamSegment<T>* segment_;
    T* sums_;
    Int position_ = 0;
};
