// Any bytes in any pieces, with messages of ours in between: what comes out is bounded and valid, our own frames are well-formed,
// and nothing is said or heard once it has ended. The input is a list of steps, a byte and what it carries.

#include "framing.hpp"
#include "fuzz.hpp"
#include "wzp/base/bytes.hpp"

using namespace wzp;

namespace {

constexpr std::size_t kMaxMessage = 300;

class Player final : public ws::FramingSink {
 public:
  void play(fuzz::Reader input) {
    while (!input.done()) {
      switch (input.below(8)) {
        case 0: framing_.text(bytes_of("{}")); break;
        case 1: framing_.binary(input.chunk()); break;
        case 2: framing_.ping(); break;
        case 3: framing_.close(static_cast<std::uint16_t>(3000 + input.byte()), "reason"); break;
        case 4: take(); break;
        default: receive(input.chunk()); break;
      }
    }
    take();
  }

  void on_frame() override { fuzz::require(framing_.is_reading()); }
  void on_message(bool is_text, ByteView message) override {
    fuzz::require(message.size() <= kMaxMessage && !framing_.peer_close());
    fuzz::require(!is_text || fuzz::is_utf8(text_of(message)));
  }
  void on_pong() override {}

 private:
  void receive(ByteView bytes) {
    const bool was_reading = framing_.is_reading();
    framing_.receive(bytes);
    fuzz::require(was_reading || !framing_.is_reading());
    fuzz::require(!framing_.peer_close() || framing_.has_peer_closed());
  }

  void take() {
    Bytes out;
    const bool had_ended = framing_.sent_close().has_value();
    framing_.take(out);
    fuzz::require(!had_ended || out.empty());
    // Whole frames of a server: no mask, no reserved bits, and a close frame is the last one.
    for (ByteView rest{out}; !rest.empty();) {
      fuzz::require(rest.size() >= 2 && (rest[0] & 0xF0) == 0x80 && rest[1] <= 126);
      const bool is_long = rest[1] == 126;
      fuzz::require(!is_long || rest.size() >= 4);
      const std::size_t size = is_long ? load_be16(rest.data() + 2) : rest[1];
      const std::size_t whole = (is_long ? 4 : 2) + size;
      fuzz::require(rest.size() >= whole);
      const bool is_close = rest[0] == 0x88;
      rest = rest.subspan(whole);
      fuzz::require(!is_close || (rest.empty() && framing_.sent_close()));
    }
  }

  ws::Framing framing_{kMaxMessage, *this};
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Player player;
  player.play(fuzz::Reader{{data, size}});
  return 0;
}
