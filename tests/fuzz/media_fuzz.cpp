// Whatever parses is written again as the same bytes, apart from bits and tails that are ignored by definition.

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "fuzz.hpp"
#include "wzp/proto/federation_datagram.hpp"
#include "wzp/proto/inspect.hpp"
#include "wzp/proto/media_header.hpp"
#include "wzp/proto/mini_frame.hpp"
#include "wzp/proto/trunk_frame.hpp"

using namespace wzp;
using namespace wzp::proto;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ByteView input{data, size};
  if (const auto packet = parse_packet(input)) {
    Bytes out(size);
    fuzz::require(write_packet(*packet, out).value() == size);
    out[1] |= data[1] & 3;  // unused bits, written as zero
    fuzz::require(out == Bytes(input.begin(), input.end()));
    CompactEncoder encoder;
    CompactDecoder decoder;
    const auto frame = encoder.encode(*packet);
    fuzz::require(decoder.decode(frame).value().header == packet->header);
  }
  if (const auto view = parse_federation_datagram(input)) {
    Bytes out(size);
    fuzz::require(write_federation_datagram(view->room_tag, view->packet, out).value() == size);
    fuzz::require(out == Bytes(input.begin(), input.end()));
  }
  if (const auto entries = parse_trunk(input)) {
    const auto out = encode_trunk(*entries).value();
    fuzz::require(out.size() <= size && std::equal(out.begin(), out.end(), data));
  }
  // A compact stream: each frame is a length byte and that many bytes.
  CompactDecoder decoder;
  for (ByteView rest = input; !rest.empty();) {
    const std::size_t length = std::min<std::size_t>(rest[0], rest.size() - 1);
    const ByteView frame = rest.subspan(1, length);
    if (const auto packet = decoder.decode(frame)) fuzz::require(packet->payload.size() < frame.size());
    rest = rest.subspan(1 + length);
  }
  return 0;
}
