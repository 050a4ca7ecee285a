#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <mutex>
#include <utility>

namespace wzp::net {

/// An eventfd: a counter that epoll can wait for.
class Wakeup {
 public:
  Wakeup();
  Wakeup(const Wakeup&) = delete;
  Wakeup& operator=(const Wakeup&) = delete;
  ~Wakeup();

  [[nodiscard]] int fd() const noexcept { return fd_; }
  /// From any thread.
  void signal() noexcept;
  void clear() noexcept;

 private:
  int fd_;
};

/// Values from any thread to one thread, in order, at most `capacity` waiting. Never blocks: when it is full the value is
/// dropped and counted, and the sender learns it.
template <class T>
class Mailbox {
 public:
  explicit Mailbox(std::size_t capacity) : capacity_{capacity} {}

  /// False when full: the value is gone.
  bool push(T value) {
    bool first = false;
    {
      const std::scoped_lock lock{mutex_};
      if (items_.size() >= capacity_) {
        dropped_.fetch_add(1, std::memory_order_relaxed);
        return false;
      }
      first = items_.empty();
      items_.push_back(std::move(value));
    }
    if (first) wakeup_.signal();
    return true;
  }

  /// Receiver: calls `take(T)` for at most `limit` values and returns how many there were. What is left makes
  /// `fd` readable again.
  template <class F>
  std::size_t drain(F&& take, std::size_t limit = 256) {
    wakeup_.clear();
    std::size_t taken = 0;
    for (; taken < limit; ++taken) {
      std::unique_lock lock{mutex_};
      if (items_.empty()) return taken;
      T value = std::move(items_.front());
      items_.pop_front();
      lock.unlock();
      take(std::move(value));
    }
    const std::scoped_lock lock{mutex_};
    if (!items_.empty()) wakeup_.signal();
    return taken;
  }

  /// Readable while values may be waiting: for Loop::watch.
  [[nodiscard]] int fd() const noexcept { return wakeup_.fd(); }
  [[nodiscard]] std::uint64_t dropped() const noexcept { return dropped_.load(std::memory_order_relaxed); }

 private:
  const std::size_t capacity_;
  std::mutex mutex_;
  std::deque<T> items_;
  std::atomic<std::uint64_t> dropped_{0};
  Wakeup wakeup_;
};

}  // namespace wzp::net
