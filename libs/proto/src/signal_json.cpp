#include "wzp/proto/signal_json.hpp"

#include <algorithm>

#include "json_codec.hpp"

namespace wzp::proto {

Caps read_caps(const JsonValue& in) {
  if (!in.IsArray() || in.Size() > kMaxCaps) return {};
  const auto usable = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'; };
  Caps caps;
  for (const auto& item : in.GetArray()) {
    if (!item.IsString()) return {};
    const auto word = text_of(item);
    if (word.empty() || word.size() > kMaxCapBytes || !std::ranges::all_of(word, usable)) return {};
    caps.emplace_back(word);
  }
  return caps;
}

std::string encode(const SignalMessage& message) { return write_text(message.as_variant()); }

Result<SignalMessage> decode(std::string_view json) {
  SignalMessage message;
  Error error;
  if (!read_text<SignalVariant>(json, kMaxSignalBytes, message, error)) return Unexpected{std::move(error)};
  return message;
}

}  // namespace wzp::proto
