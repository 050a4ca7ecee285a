#include "wzp/proto/inspect.hpp"

#include <array>
#include <utility>

#include "json_writer.hpp"
#include "wzp/base/hex.hpp"
#include "wzp/base/log.hpp"
#include "wzp/proto/federation_datagram.hpp"
#include "wzp/proto/media_header.hpp"
#include "wzp/proto/server_name.hpp"
#include "wzp/proto/signal_json.hpp"
#include "wzp/proto/trunk_frame.hpp"

namespace wzp::proto {
namespace {

constexpr auto kKinds = std::to_array<std::pair<std::string_view, InspectKind>>({
    {"signal", InspectKind::Signal},
    {"header", InspectKind::Header},
    {"packet", InspectKind::Packet},
    {"report", InspectKind::Report},
    {"mini", InspectKind::Mini},
    {"trunk", InspectKind::Trunk},
    {"federation", InspectKind::Federation},
    {"sni", InspectKind::Sni},
});

/// One JSON object, keys in the alphabetical order of the vectors.
class Object {
 public:
  explicit Object(JsonWriter& out) : out_{out} {}
  Object(const Object&) = delete;
  Object& operator=(const Object&) = delete;
  ~Object() { out_.raw(before_ == '{' ? "{}" : "}"); }

  JsonWriter& key(std::string_view name) {
    out_.raw(std::exchange(before_, ','));
    out_.key(name);
    return out_;
  }

 private:
  JsonWriter& out_;
  char before_ = '{';
};

void write_json(JsonWriter& out, const MediaHeader& h) {
  Object object{out};
  object.key("codec").string(enum_name(h.codec));
  object.key("codec_id").number(std::uint64_t{static_cast<std::uint8_t>(h.codec)});
  object.key("csrc_count").number(std::uint64_t{h.csrc_count});
  object.key("fec_block").number(std::uint64_t{h.fec_block});
  object.key("fec_ratio_encoded").number(std::uint64_t{h.fec_ratio_encoded});
  object.key("fec_symbol").number(std::uint64_t{h.fec_symbol});
  object.key("has_quality_report").boolean(h.has_quality_report);
  object.key("is_repair").boolean(h.is_repair);
  object.key("reserved").number(std::uint64_t{h.reserved});
  object.key("seq").number(std::uint64_t{h.seq});
  object.key("timestamp").number(std::uint64_t{h.timestamp});
  object.key("version").number(std::uint64_t{h.version});
}

/// `derived`: also the figures that a person would compute from the bytes.
void write_json(JsonWriter& out, const QualityReport& r, bool derived) {
  Object object{out};
  object.key("bitrate_cap_kbps").number(std::uint64_t{r.bitrate_cap_kbps});
  object.key("jitter_ms").number(std::uint64_t{r.jitter_ms});
  object.key("loss_pct").number(std::uint64_t{r.loss_pct});
  if (derived) object.key("loss_percent").number(double{r.loss_percent()});
  object.key("rtt_4ms").number(std::uint64_t{r.rtt_4ms});
  if (derived) object.key("rtt_ms").number(std::uint64_t{r.rtt_ms()});
}

void write_json(JsonWriter& out, const MediaPacketView& p) {
  Object object{out};
  write_json(object.key("header"), p.header);
  object.key("payload_hex").string(to_hex(p.payload));
  if (p.report) {
    write_json(object.key("quality_report"), *p.report, false);
  } else {
    object.key("quality_report").null();
  }
}

void write_json(JsonWriter& out, const std::vector<TrunkEntry>& entries) {
  Object object{out};
  object.key("entries");
  char before = '[';
  for (const auto& entry : entries) {
    out.raw(std::exchange(before, ','));
    Object item{out};
    item.key("payload_hex").string(to_hex(entry.packet));
    item.key("session_id").string(to_hex(entry.session));
  }
  out.raw(before == '[' ? "[]" : "]");
}

void write_json(JsonWriter& out, const FederationDatagramView& d) {
  Object object{out};
  object.key("packet_hex").string(to_hex(d.packet));
  object.key("room_hash").string(to_hex(d.room_tag));
}

void write_json(JsonWriter& out, const MiniHeader& m) {
  Object object{out};
  object.key("payload_len").number(std::uint64_t{m.payload_len});
  object.key("timestamp_delta_ms").number(std::uint64_t{m.timestamp_delta_ms});
}

/// The JSON of a decoded item, or why it could not be decoded.
template <class T, class... Options>
Result<std::string> show(const Result<T>& item, Options... options) {
  if (!item) return item.failure();
  JsonWriter out;
  write_json(out, *item, options...);
  return out.take();
}

Result<std::string> inspect_signal(std::string_view line) {
  constexpr std::string_view kHexPrefix = "hex:";
  std::string json{line};
  if (line.starts_with(kHexPrefix)) {
    const auto bytes = from_hex(line.substr(kHexPrefix.size()));
    if (!bytes) return Unexpected{Errc::BadValue, "not hex"};
    json = text_of(*bytes);
  }
  const auto message = decode(json);
  if (!message) return message.failure();
  return encode(*message);
}

std::string inspect_name(std::string_view name) {
  const NameClass kind = classify(name);
  JsonWriter out;
  {
    Object object{out};
    object.key("class").string(kind == NameClass::Dns ? "dns" : kind == NameClass::Ip ? "ip" : "invalid");
    object.key("room_seen_by_relay");
    const auto room = canonical_server_name(name);
    if (kind == NameClass::Invalid || !room) {
      out.null();
    } else {
      out.string(*room);
    }
  }
  return out.take();
}

Result<std::string> inspect_compact(CompactDecoder& decoder, ByteView bytes) {
  if (bytes.size() <= MiniHeader::kSize) return show(parse_mini_header(bytes));
  const auto packet = decoder.decode(bytes);
  if (!packet) return packet.failure();
  JsonWriter out;
  write_json(Object{out}.key("header"), packet->header);
  return out.take();
}

/// "\r" at the end of a line is the file's, not the item's.
std::string_view without_line_end(std::string_view line) {
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

}  // namespace

std::optional<InspectKind> inspect_kind(std::string_view word) noexcept {
  for (const auto& [name, kind] : kKinds) {
    if (name == word) return kind;
  }
  return std::nullopt;
}

Result<std::string> Inspector::inspect(std::string_view line) {
  line = without_line_end(line);
  if (kind_ == InspectKind::Sni) return inspect_name(line);
  if (line.empty()) return Unexpected{Errc::TooShort, "empty"};
  if (kind_ == InspectKind::Signal) return inspect_signal(line);

  const auto bytes = from_hex(line);
  if (!bytes) return Unexpected{Errc::BadValue, "not hex"};
  switch (kind_) {
    case InspectKind::Header:
      if (bytes->size() > MediaHeader::kSize) return Unexpected{Errc::TooLong, "header"};
      return show(parse_header(*bytes));
    case InspectKind::Packet: return show(parse_packet(*bytes));
    case InspectKind::Report: return show(parse_quality_report(*bytes), true);
    case InspectKind::Trunk: return show(parse_trunk(*bytes));
    case InspectKind::Federation: return show(parse_federation_datagram(*bytes));
    case InspectKind::Mini: return inspect_compact(compact_, *bytes);
    case InspectKind::Signal:
    case InspectKind::Sni: break;
  }
  return Unexpected{Errc::Internal, "inspect kind"};
}

std::string Inspector::answer(std::string_view line) {
  auto shown = inspect(line);
  if (shown) return *std::move(shown);
  const Error& error = shown.error();
  // The two that the decoders have no word for stand alone.
  if (error.where == "empty" || error.where == "not hex") return "error: " + error.where;
  return "error: " + printable(to_string(error), 256);
}

}  // namespace wzp::proto
