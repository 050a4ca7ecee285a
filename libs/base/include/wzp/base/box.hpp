#pragma once

#include <memory>
#include <utility>

namespace wzp {

/// A value on the heap: copies deeply, compares by value, is never empty unless moved from.
/// Lets a type contain itself.
template <class T>
class Box {
 public:
  Box() : value_{std::make_unique<T>()} {}
  Box(T value) : value_{std::make_unique<T>(std::move(value))} {}
  Box(const Box& other) : value_{std::make_unique<T>(*other)} {}
  Box(Box&&) noexcept = default;
  Box& operator=(const Box& other) {
    if (this != &other) value_ = std::make_unique<T>(*other);
    return *this;
  }
  Box& operator=(Box&&) noexcept = default;
  ~Box() = default;

  T& operator*() { return *value_; }
  const T& operator*() const { return *value_; }
  T* operator->() { return value_.get(); }
  const T* operator->() const { return value_.get(); }

  bool operator==(const Box& other) const { return *value_ == *other.value_; }

 private:
  std::unique_ptr<T> value_;
};

}  // namespace wzp
