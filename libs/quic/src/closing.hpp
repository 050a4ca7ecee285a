#pragma once

#include <cstddef>
#include <deque>
#include <memory>
#include <optional>
#include <vector>

#include "ng.hpp"
#include "routes.hpp"
#include "send_batch.hpp"
#include "wzp/base/bytes.hpp"
#include "wzp/base/time.hpp"

namespace wzp::quic {

/// What is left of a connection after its end: enough to tell a peer that has not heard of it.
struct Closing {
  std::vector<ngtcp2_cid> ids{};
  Bytes packet{};  ///< our CONNECTION_CLOSE; empty when the peer closed, and then late packets are just dropped
  Instant expires{};
  unsigned heard = 0;
};

/// The ended connections of the last three PTO (RFC 9000 10.2). At most 4096; the oldest gives way.
class ClosingTable {
 public:
  void add(Closing closing, Routes& routes);
  /// A late packet: the 1st, 2nd, 4th ... 64th is answered, towards where it came from.
  static void answer(Closing& closing, const Path& from, SendBatch& batch);
  void expire(Instant now, Routes& routes);
  [[nodiscard]] std::optional<Instant> next() const;

 private:
  void drop_oldest(Routes& routes);
  // In order of arrival, not of expiry: an entry may stay somewhat longer than it should.
  std::deque<std::unique_ptr<Closing>> entries_;
};

}  // namespace wzp::quic
