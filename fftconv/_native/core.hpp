// What the Python side and the kernels agree on: a job, cut into tiles, and the table of one instruction set.
#pragma once

#include <cstdint>

namespace fftconv {

using Int = std::int64_t;

constexpr int MOST_AXES = 64;  // as many as NumPy allows

enum class Method { direct, separable, running_sum, overlap_save };
enum class Type { u8, i8, u16, i16, u32, i32, u64, i64, f32, f64 };

// How numbers of the target are made of sums: sum; sum * (1 / divisor), where no quotient lies half-way between two
// integers or the divisor is a power of two; or (sum + offset) / divisor. Sums that are divided are whole numbers.
enum class Division { none, product, quotient };

// One convolved axis as a correlation: output o is the sum over i of
//     taps[i] * samples[first + o * step + i * dilation].
struct Axis {
    Int size = 1;     // samples of the source
    Int first = 0;    // position that the first tap of output 0 reads; before the source if negative
    Int taps = 1;
    Int dilation = 1;
    Int step = 1;
    Int outputs = 1;
    const Int* outside = nullptr;  // which sample stands at first .. -1 and at size and on; null: the fill everywhere
};

// An axis with its strides in bytes.
struct Walk {
    Axis axis;
    Int source = 0;
    Int target = 0;
};

// An axis that is not convolved; a stride of 0 repeats.
struct Batch {
    Int size = 1;
    Int source = 0;
    Int target = 0;
    Int kernel = 0;  // in kernels
};

struct Job {
    Method method = Method::direct;
    Type source_type = Type::f64;
    Type target_type = Type::f64;
    const char* source = nullptr;
    char* target = nullptr;
    Int source_item = 0;  // bytes of one number; of a part of a complex one
    Int target_item = 0;
    bool reads_as_is = false;   // the source holds numbers of the arithmetic
    bool writes_as_is = false;  // and so does the target

    Int components = 1;  // 2 for complex numbers, which are pairs
    Int channels = 1;    // samples of a pixel, each filtered alike; without gaps if they are complex
    Int channel_source = 0;
    Int channel_target = 0;

    int batches = 0;
    const Batch* batch = nullptr;
    int leads = 0;  // convolved axes before the last two
    const Walk* lead = nullptr;
    Walk rows, columns;

    // In the type of the arithmetic, already turned for correlation.
    // direct: [kernel][lead tap][component][row][column]; separable: [rank][row], then [rank][column];
    // running_sum: the one value of all taps.
    const void* taps = nullptr;
    Int rank = 1;
    const void* fill = nullptr;  // `components` numbers
    bool nothing_outside = false;  // beyond the edges there are no terms; the fill is 0 then

    // What integers of the target get, rounded half to even.
    Division division = Division::none;
    double divisor = 1, offset = 0;

    const void* transform = nullptr;  // of overlap_save: its tables, and the spectra of the kernels
    const void* spectrum = nullptr;

    Int workers = 1;
};

// How the samples of a tile lie: a plane in rows and columns; a line in rows, one after the other; or lines abreast, one in
// each lane of the vectors.
enum class Tile { plane, line, lanes };

// Tiles are handed out one by one, to whichever thread asks.
using Next = Int (*)(void* counter);

enum class Outcome { finite, not_finite, no_memory };

// What sums are added up in. The last two are for running sums of small integers, which leave as floats.
enum Arithmetic { in_f32, in_f64, in_u64, in_u32, in_u16, ARITHMETICS };

struct Transforms {
    // The tables for tiles of a shape at `memory`, or, if that is null, how many bytes they take; lines abreast are
    // columns of so many rows. If folded, twice as many real samples, the second half of which is the imaginary part.
    // -1 if there is no memory to find them in.
    Int (*make)(Tile kind, Int rows, Int columns, bool folded, void* memory);
    Outcome (*find_spectra)(const Job&, Int kernels, void* spectra);  // of the job's taps
};

// ------------------------------------------------------------------------------------------------ streams

// A convolution of real numbers that is fed samples as they come, see stream.hpp. What a plan points to need not
// outlive the making of the stream, but for the tables of transforms.

struct Direct {  // taps that are multiplied and added up, and how far back each reaches, in order
    Int input = 0, output = 0, taps = 0;
    const void* numbers = nullptr;
    const Int* delays = nullptr;
};

struct Feed {  // which inputs are real and imaginary part of a transform; -1: nothing
    Int re = 0, im = -1;
};

struct Term {
    Int feed = 0;
    const void* re = nullptr;  // taps of all blocks of the segment
    const void* im = nullptr;  // null: 0
};

struct Sink {  // what is added up before it is transformed back
    Int output[2] = {0, -1};  // that get its real and its imaginary part; -1: none
    Int delay[2] = {0, 0};
    Int terms = 0;
    const Term* term = nullptr;
};

struct Segment {
    const void* transform = nullptr;  // tables of a line
    Int size = 0;                     // taps of a block, at most half of the line
    Int count = 0;                    // blocks
    bool at_once = false;             // the first outputs are needed together with the last sample
    Int sinks = 0;
    const Sink* sink = nullptr;
};

struct StreamPlan {
    Int inputs = 0, outputs = 0;
    Int directs = 0;
    const Direct* direct = nullptr;
    Int feeds = 0;
    const Feed* feed = nullptr;
    Int segments = 0;
    const Segment* segment = nullptr;
};

// Numbers of somebody else: steps in bytes from one sample, and one channel, to the next.
struct Lent {
    char* start = nullptr;
    Int frame = 0, channel = 0;
};

// What a stream has taken in so far, copied out of it or into it; or counted alone.
struct StreamState {
    enum Direction { count, save, restore };
    Direction direction = count;
    void* numbers = nullptr;  // of the stream's type
    Int* places = nullptr;    // in the signal, in the spectra and in the work
    Int number_count = 0, place_count = 0;
    bool valid = true;  // false if a place is one that no stream can come to; it is not restored
};

struct Streams {
    // The stream at `memory`, or, if that is null, how many bytes it takes; -1 if there is no memory on the way.
    Int (*make)(const StreamPlan&, void* memory);
    void (*reset)(void* stream);
    // So many samples of every input, and as many of every output; false if a sample was not finite.
    bool (*process)(void* stream, const Lent& in, const Lent& out, Int frames);
    // Counts, saves or restores its state. Where that is not valid the stream is to be reset.
    void (*transfer)(void* stream, StreamState& state);
};

// ------------------------------------------------------------------------------------------------- layers

// A spatial axis of a layer: output o is the sum over i of weights[i] * padded[o * stride + i * dilation].
struct LayerAxis {
    Int outputs = 1, taps = 1, stride = 1, dilation = 1;
    Int size = 1, before = 0;      // samples, and how many positions stand before them
    Int padded = 1;                // positions
    Int step = 0;                  // bytes from one sample to the next
    const Int* source = nullptr;   // which sample stands at each of them, -1: the fill; null: there is no padding
};

struct LayerJob {
    const char* source = nullptr;
    Int batch = 1, groups = 1, channels = 1, kernels = 1;  // channels and kernels of a group
    Int step_batch = 0, step_group = 0, step_channel = 0;
    int leads = 0;  // spatial axes before the last two
    const LayerAxis* lead = nullptr;
    LayerAxis rows, columns;
    const void* weights = nullptr;  // (groups, kernels, channels, taps of each axis), without gaps
    const void* bias = nullptr;     // (groups, kernels); null: 0
    const void* fill = nullptr;
    void* target = nullptr;  // (batch, groups, kernels, outputs of each axis), without gaps
    Int workers = 1;
};

struct Layers {
    Int (*weight_bytes)(const LayerJob&);
    void (*pack)(const LayerJob&, void* packed, Next, void*);  // the weights, until none are left
    Outcome (*run)(const LayerJob&, const void* packed, Next, void*);
};

// ------------------------------------------------------------------------------------------------- levels

struct Level {
    const char* name;
    int vector_bytes;
    Outcome (*run[ARITHMETICS])(const Job&, Next, void*);  // computes tiles until none is left
    Int (*bytes[in_u32])(const Job&);                      // of memory that a thread needs for the sums of a job
    Transforms transforms[2];                              // in_f32 and in_f64
    Streams streams[2];
    Layers layers[2];
};

}  // namespace fftconv
