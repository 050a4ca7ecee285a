// Any order of openings, bytes, ends, resets and times: the inbox stays within its bounds, delivers in stream order,
// and each stream brings one message at most. The input is a list of steps of three bytes and what they carry.

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <set>
#include <variant>

#include "fuzz.hpp"
#include "wzp/base/overloaded.hpp"
#include "wzp/proto/frame.hpp"

using namespace wzp;
using namespace wzp::proto;

namespace {

constexpr std::size_t kMaxMessage = 300;

class Player {
 public:
  void play(ByteView input) {
    while (input.size() >= 3) {
      const StreamId stream{std::uint64_t{input[1]} * 4 + (input[0] == 0xFF ? 1 : 0)};
      const std::size_t count = std::min<std::size_t>(input[2], input.size() - 3);
      const ByteView data = input.subspan(3, count);
      switch (input[0] % 6) {
        case 0: check(inbox_.opened(stream, now_)); break;
        case 1: check(inbox_.reset(stream, now_)); break;
        case 2:
          now_ += std::chrono::milliseconds{100} * input[2];
          check(inbox_.tick(now_));
          fuzz::require(!inbox_.deadline() || *inbox_.deadline() > now_);
          break;
        default: check(inbox_.receive(stream, data, input[0] % 6 == 5, now_)); break;
      }
      input = input.subspan(input[0] % 6 < 3 ? 3 : 3 + count);
    }
    check(inbox_.tick(now_ + std::chrono::hours{1}));
    fuzz::require(inbox_.buffered() == 0 && !inbox_.deadline());
  }

 private:
  void check(const InboxEvents& events) {
    fuzz::require(inbox_.buffered() <= kMaxMessage + 4 + SignalInbox::kBufferBehind);
    for (const auto& event : events) {
      std::visit(overloaded{[&](const InboxMessage& m) {
                              fuzz::require(!m.json.empty() && m.json.size() <= kMaxMessage);
                              fuzz::require(m.stream.value >= next_);
                              next_ = m.stream.value + 4;
                            },
                            [&](const StopStream& s) { fuzz::require(stopped_.insert(s.stream).second); },
                            [&](const BadStream& b) { fuzz::require(bad_.insert(b.stream).second); }},
                 event);
    }
  }

  SignalInbox inbox_{{.max_message = kMaxMessage, .max_streams = 20}};
  Instant now_{};
  std::uint64_t next_ = 0;
  std::set<StreamId> stopped_;
  std::set<StreamId> bad_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Player{}.play({data, size});
  return 0;
}
