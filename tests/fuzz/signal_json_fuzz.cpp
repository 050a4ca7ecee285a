// Any text either is refused, or becomes a message whose canonical text is UTF-8 and reads as the same message again.

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "fuzz.hpp"
#include "wzp/proto/direct_message.hpp"
#include "wzp/proto/signal_json.hpp"

using namespace wzp;
using namespace wzp::proto;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = text_of({data, size});
  if (const auto message = decode(text)) {
    const auto json = encode(*message);
    fuzz::require(fuzz::is_utf8(json));
    fuzz::require(decode(json) == message);
  }
  if (const auto message = decode_direct(text)) {
    fuzz::require(decode_direct(encode_direct(*message)) == message);
  }
  return 0;
}
