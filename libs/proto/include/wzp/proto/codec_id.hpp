#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>

namespace wzp::proto {

/// How the audio of a packet is coded. The number is the four-bit field of the media header, the enumerator is spelled
/// as in JSON. Numbers 9 to 15 are unassigned and reject the packet. Source: wire.md 3.3.
enum class CodecId : std::uint8_t {
  Opus24k = 0,       ///< 24 kbit/s, 20 ms
  Opus16k = 1,       ///< 16 kbit/s, 20 ms
  Opus6k = 2,        ///< 6 kbit/s, 40 ms
  Codec2_3200 = 3,   ///< 3.2 kbit/s, 20 ms, 8 kHz
  Codec2_1200 = 4,   ///< 1.2 kbit/s, 40 ms, 8 kHz
  ComfortNoise = 5,  ///< one byte: the noise level
  Opus32k = 6,       ///< 32 kbit/s, 20 ms
  Opus48k = 7,       ///< 48 kbit/s, 20 ms
  Opus64k = 8,       ///< 64 kbit/s, 20 ms
};

constexpr auto enum_names(CodecId) {
  using enum CodecId;
  return std::to_array<std::pair<CodecId, std::string_view>>({
      {Opus24k, "Opus24k"},
      {Opus16k, "Opus16k"},
      {Opus6k, "Opus6k"},
      {Codec2_3200, "Codec2_3200"},
      {Codec2_1200, "Codec2_1200"},
      {ComfortNoise, "ComfortNoise"},
      {Opus32k, "Opus32k"},
      {Opus48k, "Opus48k"},
      {Opus64k, "Opus64k"},
  });
}

/// The enumerator's name as on the wire. `E` is any enum here that has `enum_names`.
template <class E>
[[nodiscard]] constexpr std::string_view enum_name(E value) noexcept {
  for (const auto& [known, name] : enum_names(E{})) {
    if (known == value) return name;
  }
  return {};
}

/// The enumerator with this name (case matters), or nothing.
template <class E>
[[nodiscard]] constexpr std::optional<E> enum_value(std::string_view name) noexcept {
  for (const auto& [value, known] : enum_names(E{})) {
    if (known == name) return value;
  }
  return std::nullopt;
}

/// The codec with this number in a media header, or nothing for 9 and above.
[[nodiscard]] constexpr std::optional<CodecId> codec_from_wire(std::uint8_t number) noexcept {
  if (number > static_cast<std::uint8_t>(CodecId::Opus64k)) return std::nullopt;
  return static_cast<CodecId>(number);
}

}  // namespace wzp::proto
