#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "wzp/base/time.hpp"

namespace wzp::quic {

class Connection;

/// The deadlines of all connections: a binary heap, in which each connection knows its place.
class TimerHeap {
 public:
  /// The part of a connection that the heap needs.
  struct Entry {
    static constexpr std::size_t kNowhere = static_cast<std::size_t>(-1);
    Instant due{};
    std::size_t place = kNowhere;
    Connection* owner = nullptr;
  };

  void set(Entry& entry, Instant due);
  void remove(Entry& entry);
  [[nodiscard]] std::optional<Instant> next() const;
  /// Takes the earliest out if it is due.
  [[nodiscard]] Connection* pop(Instant now);

 private:
  void put(std::size_t place, Entry* entry);
  void up(std::size_t place);
  void down(std::size_t place);

  std::vector<Entry*> heap_;
};

}  // namespace wzp::quic
