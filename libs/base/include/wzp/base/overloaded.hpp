#pragma once

namespace wzp {

/// Several lambdas as one visitor: std::visit(overloaded{[](A) {}, [](B) {}}, variant).
template <class... Fs>
struct overloaded : Fs... {
  using Fs::operator()...;
};
template <class... Fs>
overloaded(Fs...) -> overloaded<Fs...>;

}  // namespace wzp
