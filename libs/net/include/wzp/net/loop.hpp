#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <memory>
#include <optional>

#include "wzp/base/result.hpp"
#include "wzp/base/time.hpp"

namespace wzp::net {

/// The event loop of one thread: waits on file descriptors and deadlines, and calls what is due.
///
/// A turn is: wait; the ready descriptors (at most 64), posted functions (at most 256) among them; every driver whose deadline
/// has come; then the `finish` of every driver. A turn is bounded, so no source can starve another.
/// Everything but `post`, `stop` and `wake` is for the loop's own thread. Functions may add and remove sources
/// while they run, their own included.
class Loop {
 public:
  /// Work with a deadline: a core with its shell, an endpoint, a timer.
  struct Driver {
    /// When `tick` is next due. Asked once per turn. Empty function: never.
    std::function<std::optional<Instant>()> deadline;
    std::function<void(Instant now)> tick;
    /// Runs at the end of every turn: what the turn has produced goes out, in one batch. May be empty.
    std::function<void(Instant now)> finish;
  };
  using Id = std::uint64_t;

  /// Errors: Io.
  [[nodiscard]] static Result<std::unique_ptr<Loop>> create();
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;
  ~Loop();

  /// Calls `on_readable` in each turn in which `fd` can be read (level-triggered). The caller keeps `fd` open until `unwatch`.
  /// Errors: Io.
  [[nodiscard]] Result<void> watch(int fd, std::function<void(Instant now)> on_readable);
  /// Calls `on_writable` once, when the watched `fd` can be written; the last word counts. Its end is seen by `on_readable`.
  void await_writable(int fd, std::function<void(Instant now)> on_writable);
  void unwatch(int fd);

  Id add(Driver driver);
  void remove(Id id);

  /// Runs `function` once, `delay` from now. Removed by `remove` before that.
  Id after(Duration delay, std::function<void(Instant now)> function);

  /// Takes SIGINT and SIGTERM (or others) out of the hands of the system and calls `on_signal`. They must be blocked in all
  /// threads, hence: before any other thread starts. Errors: Io.
  [[nodiscard]] Result<void> on_signals(std::initializer_list<int> signals, std::function<void(int)> on_signal);

  /// From any thread: runs `function` on the loop's thread. False, and dropped, when 4096 are waiting already.
  bool post(std::function<void()> function);

  /// The time of this turn.
  [[nodiscard]] Instant now() const noexcept;

  /// Turns until `stop`; a stop that came before makes it return at once. Afterwards the loop can run again.
  void run();
  /// One turn, waiting at most `wait`. False after `stop`.
  bool turn(Duration wait);
  /// From any thread.
  void stop() noexcept;
  /// From any thread: makes the present wait end.
  void wake() noexcept;

 private:
  struct Impl;
  explicit Loop(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace wzp::net
