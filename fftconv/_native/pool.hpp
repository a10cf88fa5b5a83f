// The threads of the core: started when first needed, kept, and asleep between jobs.
#pragma once

#include <unistd.h>

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>

namespace fftconv {

// One job at a time is shared; a second one that comes meanwhile is done by its caller alone, and so are all while
// there are as many callers as would keep half of the threads busy.
class Pool {
public:
    // Calls work(argument) in `threads` threads, of which the caller's is one; returns when all have.
    void run(int threads, void (*work)(void*), void* argument) {
        const Caller caller(callers_);
        std::unique_lock<std::mutex> busy(busy_, std::defer_lock);
        if (threads < 2 || caller.number > threads / 2 || !busy.try_lock()) {
            work(argument);
            return;
        }
        {
            std::lock_guard<std::mutex> lock(mutex_);
            while (started_ < threads - 1) {
                std::thread([this, number = started_] { serve(number); }).detach();
                ++started_;
            }
            work_ = work;
            argument_ = argument;
            wanted_ = threads - 1;
            running_.store(0);
            ++job_;
        }
        wake_.notify_all();
        work(argument);
        // Nobody may begin any more; those who have are waited for, for what is left of a tile.
        {
            std::lock_guard<std::mutex> lock(mutex_);
            wanted_ = 0;
        }
        while (running_.load(std::memory_order_acquire) > 0) std::this_thread::yield();
    }

    // A forked child has none of its parent's threads, and so starts anew; the old one's memory is left alone.
    static Pool& of_this_process() {
        static std::atomic<Pool*> pool{nullptr};
        static std::atomic<pid_t> owner{0};
        static std::atomic_flag making = ATOMIC_FLAG_INIT;
        if (owner.load() != getpid()) {
            while (making.test_and_set()) std::this_thread::yield();
            if (owner.load() != getpid()) {
                pool.store(new Pool);
                owner.store(getpid());
            }
            making.clear();
        }
        return *pool.load();
    }

private:
    // Counts itself among those who are here.
    struct Caller {
        explicit Caller(std::atomic<int>& all) : callers(all), number(++all) {}
        ~Caller() { --callers; }
        std::atomic<int>& callers;
        const int number;
    };

    void serve(int number) {
        long done = 0;
        std::unique_lock<std::mutex> lock(mutex_);
        for (;;) {
            wake_.wait(lock, [&] { return job_ != done; });
            done = job_;
            if (number >= wanted_) continue;
            running_.fetch_add(1);
            const auto work = work_;
            void* const argument = argument_;
            lock.unlock();
            work(argument);
            running_.fetch_sub(1, std::memory_order_release);
            lock.lock();
        }
    }

    std::atomic<int> callers_{0};
    std::mutex busy_, mutex_;
    std::condition_variable wake_;
    void (*work_)(void*) = nullptr;
    void* argument_ = nullptr;
    int wanted_ = 0, started_ = 0;
    long job_ = 0;
    std::atomic<int> running_{0};
};

}  // namespace fftconv
