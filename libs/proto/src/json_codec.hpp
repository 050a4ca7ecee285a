#pragma once

#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "json_reader.hpp"
#include "json_writer.hpp"
#include "wzp/base/log.hpp"
#include "wzp/proto/codec_id.hpp"
#include "wzp/proto/field.hpp"
#include "wzp/proto/signal.hpp"

// The codec: written once, over the field tables.

namespace wzp::proto {

template <class T>
concept HasFields = requires {
  T::kFields;
};
template <class T>
concept HasNames = std::is_enum_v<T> && requires {
  enum_names(T{});
};
template <class T>
inline constexpr bool kIsOptional = false;
template <class T>
inline constexpr bool kIsOptional<std::optional<T>> = true;

template <class Variant>
void write_variant(JsonWriter& out, const Variant& message);
template <class Variant>
[[nodiscard]] bool read_variant(const JsonValue& in, Variant& message, Error& error, Errc shape);

// ---- Writing ----

inline void write_value(JsonWriter& out, bool v) { out.boolean(v); }
inline void write_value(JsonWriter& out, std::unsigned_integral auto v) { out.number(std::uint64_t{v}); }
inline void write_value(JsonWriter& out, float v) { out.number(v); }
inline void write_value(JsonWriter& out, const std::string& v) { out.string(v); }
inline void write_value(JsonWriter& out, HasNames auto v) { out.string(enum_name(v)); }
inline void write_value(JsonWriter& out, const Box<SignalMessage>& v) { write_variant(out, v->as_variant()); }

template <HasFields M>
void write_value(JsonWriter& out, const M& message);

template <class List>
void write_list(JsonWriter& out, const List& list) {
  char before = '[';
  if (list.empty()) out.raw(before);
  for (const auto& item : list) {
    out.raw(std::exchange(before, ','));
    write_value(out, item);
  }
  out.raw(']');
}
template <class T>
void write_value(JsonWriter& out, const std::vector<T>& list) {
  write_list(out, list);
}
template <std::size_t N>
void write_value(JsonWriter& out, const ByteArray<N>& bytes) {
  write_list(out, bytes);
}

template <class T>
void write_value(JsonWriter& out, const std::optional<T>& v) {
  if (v) return write_value(out, *v);
  out.null();
}

template <class T>
[[nodiscard]] bool is_empty(const T& v) {
  if constexpr (kIsOptional<T>) {
    return !v.has_value();
  } else if constexpr (requires { v.empty(); }) {
    return v.empty();
  } else {
    return false;
  }
}

template <HasFields M>
void write_value(JsonWriter& out, const M& message) {
  char before = '{';
  const auto one = [&](const auto& field) {
    const auto& value = message.*field.member;
    const bool sparse = field.presence == Presence::Sparse || field.presence == Presence::Hint;
    if (sparse && is_empty(value)) return;
    out.raw(std::exchange(before, ','));
    out.key(field.name);
    write_value(out, value);
  };
  std::apply([&](const auto&... field) { (one(field), ...); }, M::kFields);
  if (before == '{') out.raw(before);
  out.raw('}');
}

template <class Variant>
void write_variant(JsonWriter& out, const Variant& message) {
  std::visit(
      [&]<class M>(const M& m) {
        if constexpr (HasFields<M>) {
          out.raw('{');
          out.key(M::kTag);
          write_value(out, m);
          out.raw('}');
        } else {
          out.string(M::kTag);
        }
      },
      message);
}

// ---- Reading: each fills `out`, or returns false and says in `error` why. Paths grow on the way out. ----

[[nodiscard]] inline bool fail(Error& error, Errc code, std::string where = {}) {
  error = {code, std::move(where)};
  return false;
}

[[nodiscard]] inline bool fail_within(Error& error, std::string_view name) {
  const bool joined = error.where.empty() || error.where.front() == '[';
  error.where.insert(0, joined ? std::string{name} : std::string{name} + '.');
  return false;
}

[[nodiscard]] inline bool read_value(const JsonValue& in, bool& out, Error& error) {
  if (!in.IsBool()) return fail(error, Errc::BadField);
  out = in.GetBool();
  return true;
}

template <std::unsigned_integral T>
requires(!std::same_as<T, bool>) [[nodiscard]] bool read_value(const JsonValue& in, T& out, Error& error) {
  if (!in.IsNumber()) return fail(error, Errc::BadField);
  if (!in.IsUint64() || !std::in_range<T>(in.GetUint64())) return fail(error, Errc::BadValue);
  out = static_cast<T>(in.GetUint64());
  return true;
}

[[nodiscard]] inline bool read_value(const JsonValue& in, float& out, Error& error) {
  if (!in.IsNumber()) return fail(error, Errc::BadField);
  // Out of single range is infinite here, and so refused (wire.md 2.2).
  const double value = in.GetDouble();
  if (!(std::fabs(value) <= 3.4028235677973366e38)) return fail(error, Errc::BadValue);
  out = static_cast<float>(value);
  return std::isfinite(out) || fail(error, Errc::BadValue);
}

[[nodiscard]] inline bool read_value(const JsonValue& in, std::string& out, Error& error) {
  if (!in.IsString()) return fail(error, Errc::BadField);
  out = text_of(in);
  return true;
}

template <HasNames E>
[[nodiscard]] bool read_value(const JsonValue& in, E& out, Error& error) {
  if (!in.IsString()) return fail(error, Errc::BadField);
  const auto value = enum_value<E>(text_of(in));
  if (!value) return fail(error, Errc::BadValue);
  out = *value;
  return true;
}

[[nodiscard]] inline bool read_value(const JsonValue& in, Box<SignalMessage>& out, Error& error) {
  return read_variant<SignalVariant>(in, *out, error, Errc::BadField);
}

template <HasFields M>
[[nodiscard]] bool read_value(const JsonValue& in, M& out, Error& error);

template <class T>
[[nodiscard]] bool read_item(const JsonValue& list, rapidjson::SizeType i, T& out, Error& error) {
  return read_value(list[i], out, error) || fail_within(error, "[" + std::to_string(i) + "]");
}

template <class T>
[[nodiscard]] bool read_value(const JsonValue& in, std::vector<T>& out, Error& error) {
  if (!in.IsArray()) return fail(error, Errc::BadField);
  // Grows with what has been read: one bad item at the front must not cost the memory of all.
  if constexpr (sizeof(T) == 1) out.reserve(in.Size());
  for (rapidjson::SizeType i = 0; i < in.Size(); ++i) {
    if (!read_item(in, i, out.emplace_back(), error)) return false;
  }
  return true;
}

template <std::size_t N>
[[nodiscard]] bool read_value(const JsonValue& in, ByteArray<N>& out, Error& error) {
  if (!in.IsArray()) return fail(error, Errc::BadField);
  if (in.Size() != N) return fail(error, Errc::BadValue);
  for (rapidjson::SizeType i = 0; i < N; ++i) {
    if (!read_item(in, i, out[i], error)) return false;
  }
  return true;
}

/// A usable list of capabilities, or none.
[[nodiscard]] Caps read_caps(const JsonValue& in);

template <class T>
[[nodiscard]] bool read_field(const JsonValue& in, T& out, Presence presence, Error& error) {
  if constexpr (kIsOptional<T>) {
    return in.IsNull() || read_value(in, out.emplace(), error);
  } else if constexpr (std::same_as<T, Caps>) {
    if (presence != Presence::Hint) return read_value(in, out, error);
    out = read_caps(in);
    return true;
  } else if constexpr (std::same_as<T, Bytes>) {
    return (presence == Presence::Sparse && in.IsNull()) || read_value(in, out, error);
  } else {
    return read_value(in, out, error);
  }
}

template <HasFields M>
[[nodiscard]] bool read_value(const JsonValue& in, M& out, Error& error) {
  if (!in.IsObject()) return fail(error, Errc::BadField);
  std::uint32_t seen = 0;  // one bit for each field of the table
  const auto visit = [&](std::string_view key, const JsonValue& value, const auto& field, std::uint32_t bit) {
    if ((seen & bit) != 0) return fail(error, Errc::BadField, std::string{key} + " (twice)");
    seen |= bit;
    return read_field(value, out.*field.member, field.presence, error) || fail_within(error, key);
  };
  const auto read_member = [&](std::string_view key, const JsonValue& value, const auto&... field) {
    bool good = true;
    std::uint32_t bit = 1;
    // Stops at the field of this name; an unknown one passes all of them.
    (void)((key == field.name ? (good = visit(key, value, field, bit), true) : (bit <<= 1, false)) || ...);
    return good;
  };
  for (const auto& member : in.GetObject()) {
    const auto key = text_of(member.name);
    if (!std::apply([&](const auto&... f) { return read_member(key, member.value, f...); }, M::kFields)) return false;
  }
  const auto is_there = [&](const auto& field, std::uint32_t& bit) {
    const bool there = field.presence != Presence::Required || (seen & bit) != 0;
    bit <<= 1;
    return there || fail(error, Errc::BadField, std::string{field.name} + " (missing)");
  };
  std::uint32_t bit = 1;
  return std::apply([&](const auto&... field) { return (is_there(field, bit) && ...); }, M::kFields);
}

/// `in` is what stands under the tag, or null for a bare tag.
template <class Variant, class M>
[[nodiscard]] bool read_alternative(const JsonValue* in, Variant& message, Error& error) {
  if constexpr (HasFields<M>) {
    if (in == nullptr) return fail(error, Errc::BadField, std::string{M::kTag});
    return read_value(*in, message.template emplace<M>(), error) || fail_within(error, M::kTag);
  } else {
    if (in != nullptr && !in->IsNull()) return fail(error, Errc::BadField, std::string{M::kTag});
    message.template emplace<M>();
    return true;
  }
}

template <class Variant, std::size_t... I>
[[nodiscard]] bool read_tagged(std::string_view name, const JsonValue* in, Variant& message, Error& error,
                               std::index_sequence<I...>) {
  bool good = false;
  const bool known =
      ((name == std::variant_alternative_t<I, Variant>::kTag &&
        (good = read_alternative<Variant, std::variant_alternative_t<I, Variant>>(in, message, error), true)) ||
       ...);
  return known ? good : fail(error, Errc::UnknownSignal, printable(name));
}

/// `shape` is the error for what is no message at all.
template <class Variant>
[[nodiscard]] bool read_variant(const JsonValue& in, Variant& message, Error& error, Errc shape) {
  constexpr auto kAll = std::make_index_sequence<std::variant_size_v<Variant>>{};
  if (in.IsString()) return read_tagged(text_of(in), nullptr, message, error, kAll);
  if (!in.IsObject() || in.MemberCount() != 1) return fail(error, shape, "not one tagged message");
  const auto& member = *in.MemberBegin();
  return read_tagged(text_of(member.name), &member.value, message, error, kAll);
}

/// A whole text of at most `limit` bytes.
template <class Variant>
[[nodiscard]] bool read_text(std::string_view json, std::size_t limit, Variant& message, Error& error) {
  if (json.size() > limit) return fail(error, Errc::TooLong, std::to_string(json.size()) + " bytes");
  JsonText text;
  if (const auto parsed = text.parse(json); !parsed) {
    error = parsed.error();
    return false;
  }
  return read_variant(text.root(), message, error, Errc::BadJson);
}

template <class Variant>
[[nodiscard]] std::string write_text(const Variant& message) {
  JsonWriter out;
  out.reserve(1024);
  write_variant(out, message);
  return out.take();
}

}  // namespace wzp::proto
