// Register tiles: the sums of products, a few output rows and vectors at a time. Included by kernels.cpp inside
// the namespace of its level.
#pragma once

constexpr int ANY = -1;

// Adds what one input row contributes to output rows LOW .. HIGH - 1; `taps` are those of row LOW. A row of
// taps of FIXED length is unrolled and lies without gaps, as one of ANY length does; else, it is at `offsets`.
template <class T, int R, int W, int LOW, int HIGH, int FIXED>
INLINE void add_row(typename Lanes<T>::Vector (&sums)[R][W], const T* row, const Int* offsets, Int columns,
                    const T* taps) {
    if constexpr (FIXED > 0) asm("" : "+r"(row));  // or GCC keeps an address for each offset, in too few registers
    const auto add_tap = [&](Int j, Int offset) INLINE_LAMBDA {
        typename Lanes<T>::Vector inputs[W];
        for (int w = 0; w < W; ++w) inputs[w] = load(row + offset + w * Lanes<T>::count);
        for (int r = LOW; r < HIGH; ++r) {
            const T tap = taps[j - (r - LOW) * columns];
            for (int w = 0; w < W; ++w) sums[r][w] += inputs[w] * tap;
        }
    };
    if constexpr (FIXED > 0) {
#pragma GCC unroll 8
        for (Int j = 0; j < FIXED; ++j) add_tap(j, j);
    } else if constexpr (FIXED == ANY) {
#pragma GCC unroll 2
        for (Int j = 0; j < columns; ++j) add_tap(j, j);
    } else {
        for (Int j = 0; j < columns; ++j) add_tap(j, offsets[j]);
    }
}

// Input rows I .. TALL + R - 2 of a kernel of TALL rows of FIXED taps, without a loop or a branch.
template <class T, int R, int W, int FIXED, int TALL, int I>
INLINE void add_rows(typename Lanes<T>::Vector (&sums)[R][W], Int x, const T* const* rows, const T* taps) {
    if constexpr (I < TALL + R - 1) {
        constexpr int low = I < TALL ? 0 : I - TALL + 1, high = I + 1 < R ? I + 1 : R;
        add_row<T, R, W, low, high, FIXED>(sums, rows[I] + x, nullptr, FIXED, taps + (I - low) * FIXED);
        add_rows<T, R, W, FIXED, TALL, I + 1>(sums, x, rows, taps);
    }
}

// R output rows of W vectors, kept in registers. Every input vector is loaded once and multiplied into all
// output rows that it belongs to: input row i meets output row r with kernel row i - r. Each sum is taken
// over lead taps, rows and columns in order, whatever the tile, so that tiles change no result.
template <class T, int R, int W, int FIXED, int TALL>
INLINE void tile(T* const (&out)[R], Int x, const T* const* rows, Int leads, Int height, Int columns,
                 const Int* offsets, const T* taps, typename Lanes<T>::Vector& watched) {
    typename Lanes<T>::Vector sums[R][W] = {};
    if constexpr (FIXED > 0) columns = FIXED;
    if constexpr (TALL > 0) height = TALL;
    for (Int lead = 0; lead < leads; ++lead) {
        if constexpr (TALL > 0) add_rows<T, R, W, FIXED, TALL, 0>(sums, x, rows, taps);
        for (Int i = 0; TALL == 0 && i < height + R - 1; ++i) {
            const int low = static_cast<int>(most(0, i - height + 1));
            const int high = static_cast<int>(least(R, i + 1));
            const T* row = rows[i] + x;
            const T* first = taps + (i - low) * columns;
            if constexpr (R == 1) {
                add_row<T, R, W, 0, 1, FIXED>(sums, row, offsets, columns, first);
            } else {
                static_assert(R == 4, "one case for each range of output rows");
#define RANGE(LOW, HIGH)                                                         \
    case LOW * 8 + HIGH:                                                         \
        add_row<T, R, W, LOW, HIGH, FIXED>(sums, row, offsets, columns, first);  \
        break;
                switch (low * 8 + high) {
                    RANGE(0, 4)
                    RANGE(0, 1)
                    RANGE(0, 2)
                    RANGE(0, 3)
                    RANGE(1, 4)
                    RANGE(2, 4)
                    RANGE(3, 4)
                    RANGE(1, 2)
                    RANGE(1, 3)
                    RANGE(2, 3)
                }
#undef RANGE
            }
        }
        rows += height + R - 1;
        taps += height * columns;
    }
    for (int r = 0; r < R; ++r) {
        T* to = out[r] + x;
        for (int w = 0; w < W; ++w) store(to + w * Lanes<T>::count, sums[r][w]);
    }
    // Only in the last pass of `separable`, which has one row: 0 as long as every sum is finite, then NaN.
    if constexpr (R == 1)
        for (int w = 0; w < W; ++w) watched += sums[0][w] * 0;
}

// Rows that the next tiles will read, and rows that they will write: memory fetches those as well before anything is
// stored there. Asked for early, so that memory works while sums are added up. 3 x 3 on 1024 x 1024 took 0.83 ns per
// output instead of 1.08 where nothing of it was in a cache, and 0.55 instead of 0.53 where much was; on 2048 x 2048, rows
// to be written saved a tenth of the time of `direct`, and a quarter of that of `separable`. So planes that are LARGE are
// asked for; of smaller ones rows to be read, if so many products per output hide it.
constexpr Int LEAST_AHEAD = 16, LARGE = 2 << 20;

INLINE bool is_large(Int rows, Int step) { return rows * most(step, -step) > LARGE; }

template <int WRITES>
INLINE void fetch(const char* from, Int bytes) {  // perhaps from beyond an array: a hint cannot fault
    for (Int at = 0; at < bytes; at += CACHE_LINE) __builtin_prefetch(from + at, WRITES, 2);
}

template <class T>
struct Ahead {
    const char* row[ROWS] = {};
    Int bytes = 0;  // of one number of these
    const T* target[ROWS] = {};
    bool asks = false;  // for anything

    INLINE void prefetch(int r, Int x, Int count) const {
        if (row[r]) fetch<0>(row[r] + x * bytes, count * bytes);
        if (target[r]) fetch<1>(reinterpret_cast<const char*>(target[r] + x), count * static_cast<Int>(sizeof(T)));
    }
};

// From so many blocks on, all but the first one of a row start where a cache line does: stores to two lines each
// took 3 to 10 % of the time of 3 x 3. Some numbers are computed twice for it.
constexpr Int LONG_ROW = 24;

// R output rows of `length` numbers. Where there is no `room` for the vectors that reach beyond, `length` is
// at least a block.
template <class T, int R, int FIXED, int TALL>
void correlate_fixed(T* const* out, Int length, bool room, const T* const* rows, Int leads, Int height,
                     Int columns, const Int* offsets, const T* taps, const Ahead<T>& ahead,
                     typename Lanes<T>::Vector& watched) {
    constexpr int W = R == 1 ? LONG : WIDE;
    constexpr Int block = W * Lanes<T>::count;
    T* to[R];
    for (int r = 0; r < R; ++r) to[r] = out[r];
    typename Lanes<T>::Vector seen = {};
    const std::uintptr_t first = reinterpret_cast<std::uintptr_t>(to[0]), last = reinterpret_cast<std::uintptr_t>(to[R - 1]);
    const bool alike = length >= LONG_ROW * block && (last - first) % VECTOR_BYTES == 0;
    Int x = 0;
    for (; x + block <= length; x += block) {
        for (int r = 0; ahead.asks && r < R; ++r) ahead.prefetch(r, x, block);
        tile<T, R, W, FIXED, TALL>(to, x, rows, leads, height, columns, offsets, taps, seen);
        if (x == 0 && alike) x -= static_cast<Int>(first % VECTOR_BYTES / sizeof(T));
    }
    if (x < length && length >= block && (!room || x + 2 * Lanes<T>::count < length)) {
        // Some columns twice, which costs less than single vectors and gives the same numbers.
        tile<T, R, W, FIXED, TALL>(to, length - block, rows, leads, height, columns, offsets, taps, seen);
        watched += seen;
        return;
    }
    for (; x < length; x += Lanes<T>::count)
        tile<T, R, 1, FIXED, TALL>(to, x, rows, leads, height, columns, offsets, taps, seen);
    watched += seen;
}

// Taps side by side, if there are no `offsets`.
template <class T, int R>
void correlate_rows(T* const* out, Int length, bool room, const T* const* rows, Int leads, Int height,
                    Int columns, const Int* offsets, const T* taps, const Ahead<T>& ahead,
                    typename Lanes<T>::Vector& watched) {
    const auto correlate = offsets        ? correlate_fixed<T, R, 0, 0>
                           : columns == 1 ? correlate_fixed<T, R, 1, 0>
                           : columns == 3 ? (height == 3 ? correlate_fixed<T, R, 3, 3> : correlate_fixed<T, R, 3, 0>)
                           : columns == 5 ? correlate_fixed<T, R, 5, 0>
                                          : correlate_fixed<T, R, ANY, 0>;
    correlate(out, length, room, rows, leads, height, columns, offsets, taps, ahead, watched);
}
