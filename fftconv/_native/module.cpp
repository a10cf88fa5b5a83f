// The extension module: turns arrays and a layout into a job, and runs it on the instruction set in use.
//
// What it is given has been checked in Python; see kernels.cpp. Numbers that describe one another (shapes,
// windows, tables) are kept in a `Layout`, which is made once for each geometry and boundary.

#include <Python.h>
#include <nanobind/nanobind.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <memory>
#include <new>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <vector>

#include "core.hpp"
#include "memory.hpp"
#include "pool.hpp"
#include "levels.hpp"  // made by CMakeLists.txt: FFTCONV_LEVELS(X) is X(name) for every level built, best first

namespace nb = nanobind;

namespace fftconv {

#define DECLARE(name) \
    namespace name {  \
    extern const Level level; \
    }
FFTCONV_LEVELS(DECLARE)

namespace {

bool runs_here([[maybe_unused]] const std::string& name) {
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (name == "x86_64_v4")
        return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
               __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") &&
               __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx2") &&
               __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi2");
    if (name == "x86_64_v3")
        return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
               __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2");
#endif
    return true;
}

// Best first; the last runs everywhere.
std::vector<const Level*> usable_levels() {
    std::vector<const Level*> found;
#define OFFER(name) \
    if (runs_here(#name)) found.push_back(&name::level);
    FFTCONV_LEVELS(OFFER)
    return found;
}

const Level* level_in_use = nullptr;

const Level& level() {
    if (!level_in_use) level_in_use = usable_levels().front();
    return *level_in_use;
}

// ------------------------------------------------------------------------------------------------ arrays

class Array {
public:
    Array() = default;
    Array(nb::handle object, int flags) {
        if (!borrow(object, flags)) throw nb::python_error();
    }
    ~Array() { PyBuffer_Release(&view_); }
    Array(const Array&) = delete;
    Array& operator=(const Array&) = delete;

    bool borrow(nb::handle object, int flags) {
        return PyObject_GetBuffer(object.ptr(), &view_, flags | PyBUF_FORMAT) == 0;
    }

    static constexpr int READ = PyBUF_STRIDED_RO, WRITE = PyBUF_STRIDED;

    char* data() const { return static_cast<char*>(view_.buf); }
    int ndim() const { return view_.ndim; }
    Int size(int axis) const { return view_.shape[axis]; }
    Int stride(int axis) const { return view_.strides[axis]; }
    Int item() const { return view_.itemsize; }

    char code() const { return view_.format[std::strlen(view_.format) - 1]; }
    bool is_swapped() const { return view_.format[0] == '>' || view_.format[0] == '!'; }
    bool is_complex() const { return std::strchr(view_.format, 'Z') != nullptr; }
    Int components() const { return is_complex() ? 2 : 1; }

    Type type() const {
        const Int bytes = item() / components();
        const char kind = code();
        if (kind == 'f' || kind == 'd') return bytes == 4 ? Type::f32 : Type::f64;
        const bool is_signed = kind >= 'a' && kind <= 'z';
        switch (bytes) {
            case 1: return is_signed ? Type::i8 : Type::u8;  // '?' of a boolean counts as unsigned
            case 2: return is_signed ? Type::i16 : Type::u16;
            case 4: return is_signed ? Type::i32 : Type::u32;
            default: return is_signed ? Type::i64 : Type::u64;
        }
    }

private:
    Py_buffer view_{};
};

// ------------------------------------------------------------------------------------------------ layouts

struct Convolved {
    int number = -1;  // of the array's axis; -1 where there is none
    Axis axis;
    std::vector<Int> outside;

    Axis get() const {
        Axis with_table = axis;
        if (!outside.empty()) with_table.outside = outside.data();
        return with_table;
    }
};

// From an array of 64-bit integers: number, size, first, taps, dilation, step, outputs, and then `outside` if that is
// not the fill everywhere.
Convolved convolved(nb::handle axis) {
    const Array array(axis, Array::READ);
    const Int* const numbers = reinterpret_cast<const Int*>(array.data());
    Convolved result;
    result.number = static_cast<int>(numbers[0]);
    result.axis.size = numbers[1];
    result.axis.first = numbers[2];
    result.axis.taps = numbers[3];
    result.axis.dilation = numbers[4];
    result.axis.step = numbers[5];
    result.axis.outputs = numbers[6];
    result.outside.assign(numbers + 7, numbers + array.size(0));
    return result;
}

struct Layout {
    std::vector<Int> batch;
    std::vector<Convolved> leads;
    Convolved rows, columns;
    int channel;  // -1 where a pixel is one number

    // There need be no rows.
    Layout(std::vector<Int> batch_axes, const std::vector<nb::object>& lead_axes, nb::handle row_axis,
           nb::handle column_axis, int channel_axis)
        : batch(std::move(batch_axes)), channel(channel_axis) {
        for (const nb::object& axis : lead_axes) leads.push_back(convolved(axis));
        if (!row_axis.is_none()) rows = convolved(row_axis);
        columns = convolved(column_axis);
    }
};

Walk walk(const Convolved& axis, const Array& source, const Array& target) {
    Walk result;
    result.axis = axis.get();
    if (axis.number >= 0) {
        result.source = source.stride(axis.number);
        result.target = target.stride(axis.number);
    }
    return result;
}

// ------------------------------------------------------------------------------------------------ kernels

// Taps in the order of a correlation, real and imaginary parts apart: [kernel][lead tap][component][row][column].
class PackedKernel {
public:
    PackedKernel(const Array& kernel, const Layout& layout) : kernel_(kernel) {
        for (Int axis : layout.batch)
            if (kernel.size(axis) > 1) order_.push_back({static_cast<int>(axis), false});
        for (const Convolved& lead : layout.leads) order_.push_back({lead.number, true});
        lead_end_ = order_.size();
        if (layout.rows.number >= 0) order_.push_back({layout.rows.number, true});
        order_.push_back({layout.columns.number, true});
        Int count = 1;
        for (const Order& order : order_) count *= kernel.size(order.axis);
        part_ = kernel.item() / kernel.components();
        bytes_.resize(static_cast<size_t>(count * kernel.item()));
        next_ = bytes_.data();
        pack(0, kernel.data());
    }

    std::vector<char> release() { return std::move(bytes_); }

private:
    struct Order {
        int axis;
        bool flipped;
    };

    void pack(size_t depth, const char* at) {
        if (depth == lead_end_) {
            for (Int component = 0; component < kernel_.components(); ++component)
                pack_plane(depth, at + component * part_);
            return;
        }
        each(depth, at, [&](const char* element) { pack(depth + 1, element); });
    }

    void pack_plane(size_t depth, const char* at) {
        if (depth == order_.size()) {
            std::memcpy(next_, at, static_cast<size_t>(part_));
            next_ += part_;
            return;
        }
        each(depth, at, [&](const char* element) { pack_plane(depth + 1, element); });
    }

    template <class Visit>
    void each(size_t depth, const char* at, Visit visit) const {
        const Order order = order_[depth];
        const Int size = kernel_.size(order.axis), stride = kernel_.stride(order.axis);
        for (Int i = 0; i < size; ++i) visit(at + (order.flipped ? size - 1 - i : i) * stride);
    }

    const Array& kernel_;
    std::vector<Order> order_;
    size_t lead_end_ = 0;
    Int part_ = 0;
    std::vector<char> bytes_;
    char* next_ = nullptr;
};

template <class T>
bool is_finite(const void* taps, size_t bytes) {
    const T* numbers = static_cast<const T*>(taps);
    for (size_t i = 0; i < bytes / sizeof(T); ++i)
        if (numbers[i] - numbers[i] != 0) return false;
    return true;
}

// ------------------------------------------------------------------------------------------------ tasks

// Memory that starts where vectors like it.
class Aligned {
public:
    explicit Aligned(Int bytes) : start_(take_memory(bytes)), bytes_(bytes) {
        if (!start_) throw std::bad_alloc();
    }
    ~Aligned() { std::free(start_); }
    Aligned(const Aligned&) = delete;
    Aligned& operator=(const Aligned&) = delete;

    void* get() const { return start_; }
    Int bytes() const { return bytes_; }

private:
    void* const start_;
    const Int bytes_;
};

Tile tile_of(const std::string& kind) {
    return kind == "plane" ? Tile::plane : kind == "line" ? Tile::line : Tile::lanes;
}

// The tables for transforming tiles of one kind and shape.
class Transform {
public:
    Transform(bool single, const std::string& kind, Int rows, Int columns, bool folded)
        : transforms_(level().transforms[single ? in_f32 : in_f64]), numbers_(2 * rows * columns),
          item_(single ? sizeof(float) : sizeof(double)),
          tables_(checked(transforms_.make(tile_of(kind), rows, columns, folded, nullptr))) {
        checked(transforms_.make(tile_of(kind), rows, columns, folded, tables_.get()));
    }

    const Transforms& transforms() const { return transforms_; }
    const void* tables() const { return tables_.get(); }
    Int spectrum_bytes() const { return numbers_ * item_; }
    Int bytes() const { return tables_.bytes(); }

private:
    static Int checked(Int bytes) {
        if (bytes < 0) throw std::bad_alloc();
        return bytes;
    }

    const Transforms& transforms_;
    Int numbers_, item_;
    Aligned tables_;
};

Int count_kernels(const Layout& layout, const Array& kernel) {
    Int kernels = 1;
    for (Int axis : layout.batch) kernels *= kernel.size(static_cast<int>(axis));
    return kernels;
}

// The spectra of kernels, each laid at the front of a tile.
class Spectrum {
public:
    Spectrum(const Transform& transform, const Layout& layout, nb::handle taps)
        : Spectrum(transform, layout, Array(taps, Array::READ)) {}

    Spectrum(const Transform& transform, const Layout& layout, const Array& kernel)
        : transform_(transform), kernels_(count_kernels(layout, kernel)),
          spectrum_(kernels_ * transform.spectrum_bytes()) {
        const std::vector<char> packed = PackedKernel(kernel, layout).release();
        Job job;
        job.method = Method::overlap_save;
        job.components = kernel.components();
        job.source_type = job.target_type = kernel.type();
        job.rows.axis = layout.rows.get();
        job.columns.axis = layout.columns.get();
        job.taps = packed.data();
        job.transform = transform.tables();
        nb::gil_scoped_release release;
        if (transform.transforms().find_spectra(job, kernels_, spectrum_.get()) == Outcome::no_memory) throw std::bad_alloc();
    }

    const void* tables() const { return transform_.tables(); }
    const void* numbers() const { return spectrum_.get(); }
    Int bytes() const { return spectrum_.bytes(); }

private:
    const Transform& transform_;
    Int kernels_;
    Aligned spectrum_;
};

Int take_next(void* counter) { return static_cast<std::atomic<Int>*>(counter)->fetch_add(1); }

Arithmetic arithmetic_of(Type taps) {
    return taps == Type::f32 ? in_f32 : taps == Type::f64 ? in_f64 : in_u64;
}

Method method_of(const std::string& name) {
    return name == "direct"         ? Method::direct
           : name == "separable"    ? Method::separable
           : name == "overlap_save" ? Method::overlap_save
                                    : Method::running_sum;
}

Division division_of(const std::string& name) {
    return name == "quotient" ? Division::quotient : name == "product" ? Division::product : Division::none;
}

// The bytes of memory that each of `workers` threads needs for such a job.
Int working_bytes(const Layout& layout, const std::string& method, char arithmetic, Int components, Int channels,
                  Int rank, Int workers) {
    Job job;
    job.method = method_of(method);
    job.source_type = job.target_type =
        arithmetic == 'f' ? Type::f32 : arithmetic == 'd' ? Type::f64 : Type::i64;
    job.components = components;
    job.channels = channels;
    std::vector<Walk> leads(layout.leads.size());
    for (size_t a = 0; a < leads.size(); ++a) leads[a].axis = layout.leads[a].get();
    job.leads = static_cast<int>(leads.size());
    job.lead = leads.data();
    job.rows.axis = layout.rows.get();
    job.columns.axis = layout.columns.get();
    job.rank = rank;
    job.workers = workers;
    return level().bytes[arithmetic_of(job.source_type)](job);
}

// A convolution but for its samples. It never changes, so that threads may run it side by side.
class Correlation {
public:
    Correlation(const Layout& layout, const std::string& method, nb::handle taps, nb::handle fill,
                bool outside_is_absent, Int rank, Int workers, const Spectrum* spectrum,
                const std::string& division, double divisor, double offset)
        : layout_(layout) {
        const Array numbers(taps, Array::READ), beyond(fill, Array::READ);
        taps_type_ = numbers.type();
        job_.method = method_of(method);
        if (spectrum) {
            job_.transform = spectrum->tables();
            job_.spectrum = spectrum->numbers();
        }
        job_.components = numbers.components();
        job_.leads = static_cast<int>(layout.leads.size());
        job_.batches = static_cast<int>(layout.batch.size());
        const bool whole_kernel = job_.method == Method::direct;
        Int kernels = 1;
        kernel_steps_.resize(layout.batch.size());
        for (size_t a = layout.batch.size(); (whole_kernel || spectrum) && a-- > 0;) {
            const Int along = numbers.size(static_cast<int>(layout.batch[a]));
            if (along > 1) kernel_steps_[a] = kernels;
            kernels *= along;
        }
        if (whole_kernel) {
            taps_ = PackedKernel(numbers, layout).release();
            if (outside_is_absent)
                refused_ = taps_type_ == Type::f32   ? !is_finite<float>(taps_.data(), taps_.size())
                           : taps_type_ == Type::f64 ? !is_finite<double>(taps_.data(), taps_.size())
                                                     : false;
        } else if (!spectrum) {  // one axis without gaps
            taps_.assign(numbers.data(), numbers.data() + numbers.size(0) * numbers.item());
        }
        job_.taps = taps_.data();
        job_.rank = rank;
        job_.nothing_outside = outside_is_absent;
        std::memcpy(fill_, beyond.data(), static_cast<size_t>(beyond.item()));
        job_.fill = fill_;
        job_.workers = workers;
        job_.division = division_of(division);
        job_.divisor = divisor;
        job_.offset = offset;
    }
    Correlation(const Correlation&) = delete;
    Correlation& operator=(const Correlation&) = delete;

    // Computes every tile; false if the result is not that of the definition, see core.py.
    bool run(nb::handle signal, nb::handle out) const {
        if (refused_) return false;
        const Array source(signal, Array::READ), target(out, Array::WRITE);
        Run run(*this, source, target);
        {
            nb::gil_scoped_release release;
            Pool::of_this_process().run(static_cast<int>(job_.workers), Run::take_part, &run);
        }
        if (run.failed) throw std::bad_alloc();
        return run.finite;
    }

private:
    // With samples; its tiles are shared by the threads of the pool.
    struct Run {
        Job job;
        Arithmetic arithmetic;
        std::vector<Batch> batches;
        std::vector<Walk> leads;
        std::atomic<Int> counter{0};
        std::atomic<bool> finite{true}, failed{false};

        Run(const Correlation& of, const Array& source, const Array& target)
            : job(of.job_), arithmetic(arithmetic_of(of.taps_type_)), batches(of.layout_.batch.size()) {
            const Layout& layout = of.layout_;
            job.source_type = source.type();
            job.target_type = target.type();
            job.source = source.data();
            job.target = target.data();
            job.source_item = source.item() / source.components();
            job.target_item = target.item() / target.components();
            job.reads_as_is = job.source_type == of.taps_type_;
            job.writes_as_is = job.target_type == of.taps_type_;
            if (job.writes_as_is) job.division = Division::none;
            job.channel_source = job.source_item;
            job.channel_target = job.target_item;
            if (layout.channel >= 0) {
                job.channels = source.size(layout.channel);
                if (job.components == 1) {  // channels of complex numbers lie without gaps
                    job.channel_source = source.stride(layout.channel);
                    job.channel_target = target.stride(layout.channel);
                }
            }
            job.rows = walk(layout.rows, source, target);
            job.columns = walk(layout.columns, source, target);
            for (const Convolved& lead : layout.leads) leads.push_back(walk(lead, source, target));
            job.lead = leads.data();
            for (size_t a = 0; a < batches.size(); ++a) {
                const int axis = static_cast<int>(layout.batch[a]);
                batches[a] = {target.size(axis), source.size(axis) > 1 ? source.stride(axis) : 0, target.stride(axis),
                              of.kernel_steps_[a]};
            }
            job.batch = batches.data();
            if (job.method == Method::running_sum && arithmetic == in_f32) add_in_integers();
        }

        // Sums of bytes or words in the narrowest integers that hold them, where there is nothing but 0 beside them.
        void add_in_integers() {
            const Int highest = job.source_type == Type::u8 ? 0xFF : job.source_type == Type::u16 ? 0xFFFF : 0;
            if (highest == 0 || *static_cast<const float*>(job.fill) != 0) return;
            const Int largest = highest * job.rows.axis.taps * job.columns.axis.taps;
            if (largest > 0xFFFFFFFF) return;
            arithmetic = highest == 0xFF && largest <= 0xFFFF ? in_u16 : in_u32;  // words are read as 32 bits
            job.fill = &ZERO;
        }

        static void take_part(void* run) {
            Run& self = *static_cast<Run*>(run);
            const Outcome outcome = level().run[self.arithmetic](self.job, take_next, &self.counter);
            if (outcome == Outcome::no_memory) self.failed = true;
            if (outcome == Outcome::not_finite) self.finite = false;
        }
    };

    static constexpr Int ZERO = 0;
    const Layout& layout_;
    Type taps_type_;
    bool refused_ = false;
    std::vector<char> taps_;
    std::vector<Int> kernel_steps_;  // of each axis of the batch, in kernels
    alignas(16) char fill_[16];
    Job job_;  // but for the arrays
};

// ------------------------------------------------------------------------------------------------- layers

// From an array of 64-bit integers: outputs, taps, stride, dilation, size, before, and then, if there is padding, which
// sample stands at each position.
LayerAxis layer_axis(const Array& numbers, Int step) {
    const Int* const given = reinterpret_cast<const Int*>(numbers.data());
    const Int padded = numbers.size(0) - 6;
    return {given[0], given[1], given[2], given[3], given[4], given[5], padded ? padded : given[4], step,
            padded ? given + 6 : nullptr};
}

constexpr Int SHARED_WEIGHTS = 1 << 19;  // bytes from which on threads share the packing

class LayerTask {
public:
    // The source is (batch, groups, channels, *spatial); there is an array of numbers for each spatial axis.
    LayerTask(nb::handle source, nb::handle weights, nb::handle bias, nb::handle target, nb::handle fill,
              const std::vector<nb::object>& axes, Int workers)
        : source_(source, Array::READ), weights_(weights, Array::READ), target_(target, Array::WRITE),
          fill_(fill, Array::READ), kind_(source_.type() == Type::f32 ? in_f32 : in_f64) {
        if (!bias.is_none()) {
            if (!bias_.borrow(bias, Array::READ)) throw nb::python_error();
            job_.bias = bias_.data();
        }
        job_.source = source_.data();
        job_.batch = source_.size(0);
        job_.groups = source_.size(1);
        job_.channels = source_.size(2);
        job_.kernels = weights_.size(1);
        job_.step_batch = source_.stride(0);
        job_.step_group = source_.stride(1);
        job_.step_channel = source_.stride(2);
        for (const nb::object& axis : axes) numbers_.emplace_back(axis, Array::READ);
        std::vector<LayerAxis> all;
        int place = 3;
        for (const Array& axis : numbers_) all.push_back(layer_axis(axis, source_.stride(place++)));
        job_.columns = all.back();  // a line is an image of one row
        all.pop_back();
        if (!all.empty()) {
            job_.rows = all.back();
            all.pop_back();
        }
        leads_ = all;
        job_.leads = static_cast<int>(leads_.size());
        job_.lead = leads_.data();
        job_.weights = weights_.data();
        job_.fill = fill_.data();
        job_.target = target_.data();
        job_.workers = workers;
    }

    void run() {
        {
            nb::gil_scoped_release release;
            Pool& pool = Pool::of_this_process();
            const int workers = static_cast<int>(job_.workers);
            const Int bytes = level().layers[kind_].weight_bytes(job_);
            packed_ = take_memory(bytes);
            if (packed_) {
                pool.run(bytes > SHARED_WEIGHTS ? workers : 1, pack_part, this);
                counter_ = 0;
                pool.run(workers, take_part, this);
            }
            std::free(packed_);
        }
        if (failed_ || !packed_) throw std::bad_alloc();
    }

private:
    static void pack_part(void* task) {
        LayerTask& self = *static_cast<LayerTask*>(task);
        level().layers[self.kind_].pack(self.job_, self.packed_, take_next, &self.counter_);
    }

    static void take_part(void* task) {
        LayerTask& self = *static_cast<LayerTask*>(task);
        const Layers& layers = level().layers[self.kind_];
        if (layers.run(self.job_, self.packed_, take_next, &self.counter_) == Outcome::no_memory) self.failed_ = true;
    }

    Array source_, weights_, bias_, target_, fill_;
    const Arithmetic kind_;
    std::deque<Array> numbers_;
    std::vector<LayerAxis> leads_;
    LayerJob job_;
    void* packed_ = nullptr;
    std::atomic<Int> counter_{0};
    std::atomic<bool> failed_{false};
};

void layer(nb::handle source, nb::handle weights, nb::handle bias, nb::handle target, nb::handle fill,
           const std::vector<nb::object>& axes, Int workers) {
    LayerTask(source, weights, bias, target, fill, axes, workers).run();
}

// ------------------------------------------------------------------------------------------------ streams

constexpr Int LONG_BLOCK = 4096;  // samples during which other threads of Python may run

// A convolution that is fed samples as they come. Directs are (input, output, number, taps, delays); feeds
// (real, imaginary part); segments (transform, size, count, at once, sinks), sinks (outputs, delays, terms), terms (feed,
// real, imaginary taps), as in core.hpp.
class Stream {
public:
    Stream(bool single, Int inputs, Int outputs, nb::list directs, nb::list feeds, nb::list segments)
        : streams_(level().streams[single ? in_f32 : in_f64]), single_(single) {
        Parsed parsed;
        parsed.plan.inputs = inputs;
        parsed.plan.outputs = outputs;
        for (nb::handle each : directs)
            parsed.directs.push_back({number(each[0]), number(each[1]), number(each[2]), parsed.taps(each[3]),
                                      static_cast<const Int*>(parsed.taps(each[4]))});
        for (nb::handle each : feeds) parsed.feeds.push_back({number(each[0]), number(each[1])});
        for (nb::handle each : segments) {
            transforms_.push_back(nb::borrow(each[0]));
            Segment segment{nb::cast<const Transform&>(each[0]).tables(), number(each[1]), number(each[2]),
                            nb::cast<bool>(each[3]), 0, nullptr};
            auto& sinks = parsed.sinks.emplace_back();
            for (nb::handle to : nb::list(each[4])) {
                auto& terms = parsed.terms.emplace_back();
                for (nb::handle term : nb::list(to[2]))
                    terms.push_back({number(term[0]), parsed.taps(term[1]), parsed.taps(term[2])});
                sinks.push_back({{number(to[0][0]), number(to[0][1])},
                                 {number(to[1][0]), number(to[1][1])},
                                 static_cast<Int>(terms.size()),
                                 terms.data()});
            }
            segment.sinks = static_cast<Int>(sinks.size());
            segment.sink = sinks.data();
            parsed.segments.push_back(segment);
        }
        const StreamPlan& plan = parsed.finished();
        nb::gil_scoped_release release;
        const Int bytes = streams_.make(plan, nullptr);
        memory_.reset(new Aligned(bytes));
        if (bytes < 0 || streams_.make(plan, memory_->get()) < 0) throw std::bad_alloc();
    }

    // Arrays of frames x channels, of the stream's type.
    bool process(nb::handle samples, nb::handle outputs) {
        const Array in(samples, Array::READ), out(outputs, Array::WRITE);
        if (busy_.test_and_set())
            throw std::runtime_error("process is running in another thread; give every thread a convolver of its own");
        const Int frames = in.size(0);
        const Lent from{in.data(), in.stride(0), in.stride(1)}, to{out.data(), out.stride(0), out.stride(1)};
        PyThreadState* const thread = frames >= LONG_BLOCK ? PyEval_SaveThread() : nullptr;
        const bool finite = streams_.process(memory_->get(), from, to, frames);
        if (thread) PyEval_RestoreThread(thread);
        busy_.clear();
        return finite;
    }

    void reset() { streams_.reset(memory_->get()); }

    // The lengths of the two arrays of a state: of numbers of the stream's type, and of 64-bit integers.
    std::vector<Int> state_sizes() {
        StreamState state;
        streams_.transfer(memory_->get(), state);
        return {state.number_count, state.place_count};
    }

    void save(nb::handle numbers, nb::handle places) { transfer(StreamState::save, numbers, places, Array::WRITE); }

    // Checks all that could lead outside of the stream's memory, as a state may come from a file.
    void restore(nb::handle numbers, nb::handle places) {
        if (transfer(StreamState::restore, numbers, places, Array::READ)) return;
        reset();
        throw std::invalid_argument("the state of a stream holds a place that no stream can come to");
    }

    Int bytes() const { return memory_->bytes(); }

private:
    struct Parsed {
        StreamPlan plan;
        std::deque<Array> arrays;
        std::vector<Direct> directs;
        std::vector<Feed> feeds;
        std::vector<Segment> segments;
        std::deque<std::vector<Sink>> sinks;
        std::deque<std::vector<Term>> terms;

        const void* taps(nb::handle object) {
            return object.is_none() ? nullptr : arrays.emplace_back(object, Array::READ).data();
        }

        const StreamPlan& finished() {
            plan.directs = static_cast<Int>(directs.size());
            plan.direct = directs.data();
            plan.feeds = static_cast<Int>(feeds.size());
            plan.feed = feeds.data();
            plan.segments = static_cast<Int>(segments.size());
            plan.segment = segments.data();
            return plan;
        }
    };

    static Int number(nb::handle object) { return nb::cast<Int>(object); }

    bool transfer(StreamState::Direction direction, nb::handle numbers, nb::handle places, int flags) {
        const Array of_numbers(numbers, flags), of_places(places, flags);
        const std::vector<Int> sizes = state_sizes();
        if (!is_line(of_numbers, single_ ? Type::f32 : Type::f64, sizes[0]) || !is_line(of_places, Type::i64, sizes[1]))
            throw std::invalid_argument("the state of a stream has other arrays than this stream");
        StreamState state;
        state.direction = direction;
        state.numbers = of_numbers.data();
        state.places = reinterpret_cast<Int*>(of_places.data());
        if (busy_.test_and_set())
            throw std::runtime_error("process is running in another thread; copy a stream between two calls");
        streams_.transfer(memory_->get(), state);
        busy_.clear();
        return state.valid;
    }

    // Whether an array is of this type and length, in the byte order of the machine and without gaps.
    static bool is_line(const Array& array, Type type, Int size) {
        return array.ndim() == 1 && array.size(0) == size && array.type() == type && !array.is_complex() &&
               !array.is_swapped() && (size < 2 || array.stride(0) == array.item());
    }

    const Streams& streams_;
    const bool single_;
    std::vector<nb::object> transforms_;
    std::unique_ptr<Aligned> memory_;
    std::atomic_flag busy_ = ATOMIC_FLAG_INIT;
};

// ------------------------------------------------------------------------------------------------ small work

PyObject* array_type = nullptr;
PyObject* make_empty = nullptr;

void use_numpy(nb::handle ndarray, nb::handle empty) {
    array_type = ndarray.inc_ref().ptr();
    make_empty = empty.inc_ref().ptr();
}

constexpr Int LARGEST_LINE = 1 << 20;           // products
constexpr Int LARGEST_LINE_OF_WHOLE = 1 << 16;  // of integers, which larger ones multiply faster as doubles
constexpr Int LONGEST_LINE_KERNEL = 128;

// Whether no sum of products can overflow; those that might are for the check in _integers.py.
bool sums_fit(const Array& signal, const Int* taps, Int count) {
    const auto magnitude = [](Int value) { return std::abs(static_cast<double>(value)); };
    double peak = 0, total = 0;
    for (Int i = 0; i < signal.size(0); ++i) {
        Int sample;
        std::memcpy(&sample, signal.data() + i * signal.stride(0), sizeof sample);
        peak = std::max(peak, magnitude(sample));
    }
    for (Int i = 0; i < count; ++i) total += magnitude(taps[i]);
    return peak * total < 0x1p62;  // far enough from 2^63 for the roundings of these doubles
}

template <class T>
nb::object line_of(const Array& signal, const Array& kernel, nb::handle dtype, Int start, Int outputs) {
    const Int n = signal.size(0), m = kernel.size(0);
    T taps[LONGEST_LINE_KERNEL];
    for (Int i = 0; i < m; ++i) std::memcpy(&taps[m - 1 - i], kernel.data() + i * kernel.stride(0), sizeof(T));
    if constexpr (std::is_integral_v<T>) {
        if (!sums_fit(signal, taps, m)) return nb::none();
    } else if (!is_finite<T>(taps, static_cast<size_t>(m) * sizeof(T))) {
        return nb::none();
    }
    PyObject* arguments[] = {PyLong_FromSsize_t(outputs), dtype.ptr()};
    PyObject* made = arguments[0] ? PyObject_Vectorcall(make_empty, arguments, 2, nullptr) : nullptr;
    Py_XDECREF(arguments[0]);
    if (!made) throw nb::python_error();
    nb::object out = nb::steal(made);
    const Array target(out, Array::WRITE);

    const T zero = 0;
    Job job;
    job.source_type = job.target_type = signal.type();
    job.source = signal.data();
    job.target = target.data();
    job.source_item = job.target_item = job.channel_source = job.channel_target = sizeof(T);
    job.reads_as_is = job.writes_as_is = true;
    job.columns.axis = {n, start - m + 1, m, 1, 1, outputs, nullptr};
    job.columns.source = signal.stride(0);
    job.columns.target = sizeof(T);
    job.taps = taps;
    job.fill = &zero;
    std::atomic<Int> counter{0};
    if (level().run[arithmetic_of(signal.type())](job, take_next, &counter) == Outcome::no_memory)
        throw std::bad_alloc();
    return out;
}

bool is_text(nb::handle object, const char* text) {
    return PyUnicode_Check(object.ptr()) && PyUnicode_CompareWithASCIIString(object.ptr(), text) == 0;
}

// The convolution of two small arrays of one axis, of floats or of int64, with nothing but a mode; None for anything
// else, and where a sum might overflow.
nb::object line(nb::handle signal, nb::handle kernel, nb::handle mode) {
    if (reinterpret_cast<PyObject*>(Py_TYPE(signal.ptr())) != array_type ||
        reinterpret_cast<PyObject*>(Py_TYPE(kernel.ptr())) != array_type)
        return nb::none();
    const bool full = is_text(mode, "full"), same = is_text(mode, "same"), valid = is_text(mode, "valid");
    if (!full && !same && !valid) return nb::none();
    Array samples, taps;
    if (!samples.borrow(signal, Array::READ) || !taps.borrow(kernel, Array::READ)) {
        PyErr_Clear();  // NumPy lends no buffer of its dates
        return nb::none();
    }
    const char code = samples.code();
    const bool whole = code == (sizeof(long) == sizeof(Int) ? 'l' : 'q') && samples.item() == sizeof(Int);
    if (samples.ndim() != 1 || taps.ndim() != 1 || code != taps.code() || (code != 'd' && code != 'f' && !whole) ||
        samples.item() != taps.item() || samples.is_complex() || samples.is_swapped() || taps.is_swapped())
        return nb::none();
    const Int n = samples.size(0), m = taps.size(0);
    if (n < 1 || m < 1 || m > LONGEST_LINE_KERNEL || n * m > (whole ? LARGEST_LINE_OF_WHOLE : LARGEST_LINE) ||
        (valid && m > n))
        return nb::none();
    const Int start = full ? 0 : same ? (m - 1) / 2 : m - 1;
    const Int outputs = full ? n + m - 1 : same ? n : n - m + 1;
    const nb::object dtype = signal.attr("dtype");
    return whole         ? line_of<Int>(samples, taps, dtype, start, outputs)
           : code == 'd' ? line_of<double>(samples, taps, dtype, start, outputs)
                         : line_of<float>(samples, taps, dtype, start, outputs);
}

}  // namespace
}  // namespace fftconv

NB_MODULE(_core, module) {
    using namespace fftconv;
    module.doc() = "Correlation of planes on the best instruction set; called by fftconv._engines.core alone.";
    // Layouts, transforms and spectra are kept in Python until the interpreter ends, in whatever order it does.
    nb::set_leak_warnings(false);
    nb::class_<Layout>(module, "Layout")
        .def(nb::init<std::vector<Int>, const std::vector<nb::object>&, nb::handle, nb::handle, int>(), nb::arg(),
             nb::arg(), nb::arg().none(), nb::arg(), nb::arg())
        .def_ro("channel", &Layout::channel);
    nb::class_<Transform>(module, "Transform")
        .def(nb::init<bool, const std::string&, Int, Int, bool>())
        .def_prop_ro("nbytes", &Transform::bytes);
    nb::class_<Spectrum>(module, "Spectrum")
        .def(nb::init<const Transform&, const Layout&, nb::handle>(), nb::keep_alive<1, 2>())
        .def_prop_ro("nbytes", &Spectrum::bytes);
    nb::class_<Correlation>(module, "Correlation")
        .def(nb::init<const Layout&, const std::string&, nb::handle, nb::handle, bool, Int, Int, const Spectrum*,
                      const std::string&, double, double>(),
             nb::keep_alive<1, 2>(), nb::keep_alive<1, 9>(), nb::arg(), nb::arg(), nb::arg(), nb::arg(), nb::arg(),
             nb::arg(), nb::arg(), nb::arg().none(), nb::arg(), nb::arg(), nb::arg())
        .def("run", &Correlation::run);
    nb::class_<Stream>(module, "Stream")
        .def(nb::init<bool, Int, Int, nb::list, nb::list, nb::list>())
        .def("process", &Stream::process)
        .def("reset", &Stream::reset)
        .def("state_sizes", &Stream::state_sizes)
        .def("save", &Stream::save)
        .def("restore", &Stream::restore)
        .def_prop_ro("nbytes", &Stream::bytes);
    module.def("line", &line, nb::arg().none(), nb::arg().none(), nb::arg().none());
    module.def("layer", &layer, nb::arg(), nb::arg(), nb::arg().none(), nb::arg(), nb::arg(), nb::arg(), nb::arg());
    module.def("working_bytes", &working_bytes);
    module.def("use_numpy", &use_numpy);
    module.def("levels", [] {
        std::vector<std::string> names;
        for (const Level* usable : usable_levels()) names.emplace_back(usable->name);
        return names;
    });
    module.def("vector_bytes", [] { return level().vector_bytes; });
    module.def("level", [] { return std::string(level().name); });
    module.def("use_level", [](const std::string& name) {
        for (const Level* usable : usable_levels())
            if (name == usable->name) level_in_use = usable;
        return std::string(level().name);
    });
}
