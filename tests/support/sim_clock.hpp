#pragma once

#include <algorithm>
#include <cassert>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <queue>
#include <tuple>
#include <utility>
#include <vector>

#include "wzp/base/time.hpp"

namespace wzp::sim {

/// The time of a test: it moves when told to, and never back.
class SimClock {
 public:
  [[nodiscard]] Instant now() const noexcept { return now_; }
  Instant advance(Duration by) { return advance_to(now_ + by); }
  Instant advance_to(Instant when) {
    assert(when >= now_);
    return now_ = when;
  }

 private:
  Instant now_{std::chrono::hours{1}};  // not zero: a forgotten "never" shows
};

/// Everything that will happen, in the order of (time, sequence): what was planned first for a moment happens first.
/// One thread, one order, so that a seed gives the same run every time.
class SimQueue {
 public:
  using Task = std::function<void()>;

  [[nodiscard]] Instant now() const noexcept { return clock_.now(); }
  void at(Instant when, Task task) { events_.push({std::max(when, now()), next_++, std::move(task)}); }
  void after(Duration delay, Task task) { at(now() + delay, std::move(task)); }

  /// Does the next thing that is due until `end`. False when there is none.
  bool step(Instant end) {
    if (events_.empty() || events_.top().when > end) return false;
    auto event = std::move(const_cast<Event&>(events_.top()));  // popped at once; the key stays as it is
    events_.pop();
    clock_.advance_to(event.when);
    event.task();
    ++done_;
    return true;
  }
  /// Until `end`, which is then the time.
  void run_until(Instant end) {
    while (step(end)) {
    }
    clock_.advance_to(end);
  }
  void run_for(Duration time) { run_until(now() + time); }
  [[nodiscard]] std::uint64_t events_done() const noexcept { return done_; }

 private:
  struct Event {
    Instant when;
    std::uint64_t sequence;
    Task task;
    bool operator<(const Event& other) const { return std::tie(when, sequence) > std::tie(other.when, other.sequence); }
  };

  SimClock clock_;
  std::priority_queue<Event> events_;
  std::uint64_t next_ = 0;
  std::uint64_t done_ = 0;
};

/// Calls `task` at a time that may change often. Cheap: a later time costs nothing until the earlier one has come.
/// Dies with its owner.
class Alarm {
 public:
  Alarm(SimQueue& queue, SimQueue::Task task) : shared_{std::make_shared<Shared>(Shared{queue, std::move(task), {}, {}})} {}
  Alarm(const Alarm&) = delete;
  Alarm& operator=(const Alarm&) = delete;
  ~Alarm() { shared_->task = nullptr; }

  /// Empty: not until set again.
  void set(std::optional<Instant> when) {
    shared_->due = when;
    plan(shared_);
  }

 private:
  struct Shared {
    SimQueue& queue;
    SimQueue::Task task;
    std::optional<Instant> due;
    std::optional<Instant> planned;  ///< when the queue will wake us, due or not
  };

  static void plan(const std::shared_ptr<Shared>& self) {
    if (!self->due || (self->planned && *self->planned <= *self->due)) return;
    const auto when = std::max(*self->due, self->queue.now());
    self->planned = when;
    self->queue.at(when, [self, when] { wake(self, when); });
  }
  static void wake(const std::shared_ptr<Shared>& self, Instant planned) {
    if (self->planned != planned) return;  // an earlier wake-up took over
    self->planned.reset();
    if (!self->task || !self->due) return;
    if (self->queue.now() < *self->due) return plan(self);
    self->due.reset();
    const auto task = self->task;  // it may destroy its owner
    task();
  }

  std::shared_ptr<Shared> shared_;
};

}  // namespace wzp::sim
