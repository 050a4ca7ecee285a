#pragma once

#include <cassert>
#include <optional>
#include <utility>
#include <variant>

#include "wzp/base/error.hpp"

namespace wzp {

/// Marks a value as the failure of a `Result`. Named as in std::expected, which replaces it one day.
struct Unexpected {
  Error error;
  explicit Unexpected(Error e) : error{std::move(e)} {}
  Unexpected(Errc code, std::string where) : error{code, std::move(where)} {}
};

/// A value or the reason why there is none. The names are those of std::expected.
template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_{std::in_place_index<0>, std::move(value)} {}
  Result(Unexpected failure) : state_{std::in_place_index<1>, std::move(failure.error)} {}

  [[nodiscard]] bool has_value() const noexcept { return state_.index() == 0; }
  explicit operator bool() const noexcept { return has_value(); }

  T& value() & { return get(); }
  const T& value() const& { return get(); }
  T&& value() && { return std::move(get()); }
  T& operator*() & { return get(); }
  const T& operator*() const& { return get(); }
  T&& operator*() && { return std::move(get()); }
  T* operator->() { return &get(); }
  const T* operator->() const { return &get(); }

  const Error& error() const& {
    assert(!has_value());
    return *std::get_if<1>(&state_);
  }
  /// The failure, ready to be returned from a function with another `T`.
  [[nodiscard]] Unexpected failure() const { return Unexpected{error()}; }

  bool operator==(const Result&) const = default;

 private:
  T& get() {
    assert(has_value());
    return *std::get_if<0>(&state_);
  }
  const T& get() const {
    assert(has_value());
    return *std::get_if<0>(&state_);
  }

  std::variant<T, Error> state_;
};

/// Success without a value.
template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Unexpected failure) : error_{std::move(failure.error)} {}

  [[nodiscard]] bool has_value() const noexcept { return !error_; }
  explicit operator bool() const noexcept { return has_value(); }
  const Error& error() const& {
    assert(error_);
    return *error_;
  }
  [[nodiscard]] Unexpected failure() const { return Unexpected{error()}; }

  bool operator==(const Result&) const = default;

 private:
  std::optional<Error> error_;
};

}  // namespace wzp
