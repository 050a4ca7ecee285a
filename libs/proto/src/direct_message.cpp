#include "wzp/proto/direct_message.hpp"

#include "json_codec.hpp"

namespace wzp::proto {

std::string encode_direct(const DirectMessage& message) { return write_text(message); }

Result<DirectMessage> decode_direct(std::string_view json) {
  DirectMessage message;
  Error error;
  if (!read_text(json, kMaxDirectMessageBytes, message, error)) return Unexpected{std::move(error)};
  return message;
}

}  // namespace wzp::proto
