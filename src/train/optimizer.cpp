#include "train/optimizer.h"

#include "kernels/elementwise.h"

#include <algorithm>
#include <cmath>

namespace quire {
namespace {

constexpr int64_t range_length = 16384;  // 5 arrays of 64 KiB: about a share of the L2 cache

}  // namespace

Optimizer::Optimizer(const ParameterSet& parameters, ThreadPool& pool,
                     const OptimizerOptions& options)
    : parameters_(&parameters), pool_(&pool), options_(options) {
  for (const ParameterSlot& slot : parameters.slots())
    for (int64_t at = 0; at < slot.n; at += range_length)
      ranges_.push_back(
          {slot.offset + at, std::min(range_length, slot.n - at), slot.shape.rank >= 2});
  partial_.resize(static_cast<size_t>(sum_of_squares_chunks(parameters.n_floats())));
}

double Optimizer::gradient_norm(double gradient_scale) {
  const View<const float, 1> all(parameters_->gradients(), parameters_->n_floats());
  pool_->for_each(static_cast<int64_t>(partial_.size()), 4, [&](int64_t chunk, int) {
    partial_[static_cast<size_t>(chunk)] = sum_of_squares_of_chunk(all, chunk);
  });
  double sum = 0;
  for (double partial : partial_) sum += partial;
  return std::sqrt(sum) * gradient_scale;
}

void Optimizer::step(double rate, double gradient_scale, double norm, int64_t step) {
  double scale = gradient_scale;
  if (options_.clip > 0 && norm > options_.clip) scale *= options_.clip / norm;
  Adamw matrix;
  matrix.rate = static_cast<float>(rate);
  matrix.beta1 = static_cast<float>(options_.beta1);
  matrix.beta2 = static_cast<float>(options_.beta2);
  matrix.eps = static_cast<float>(options_.eps);
  matrix.gradient_scale = static_cast<float>(scale);
  matrix.step = step;
  Adamw vector = matrix;
  matrix.weight_decay = static_cast<float>(options_.weight_decay);
  pool_->for_each(static_cast<int64_t>(ranges_.size()), 4, [&](int64_t r, int) {
    const Range& range = ranges_[static_cast<size_t>(r)];
    const auto part = [&](float* array) { return View<float, 1>(array + range.offset, range.n); };
    adamw_step(part(parameters_->weights()), part(parameters_->m()), part(parameters_->v()),
               part(parameters_->gradients()), range.decays ? matrix : vector);
    fill(part(parameters_->gradients()), 0);
  });
}

}  // namespace quire
