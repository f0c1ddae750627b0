// One optimizer step over all parameters: clipping by the global norm of the gradient (Pascanu et
// al. 2013, arXiv:1211.5063, algorithm 1), then AdamW (kernels/adamw.h).
//
// Weight decay acts on matrices (parameters with two or more dimensions, embeddings and the output
// head among them), never on norm weights and biases. Work is cut at fixed places and the norm is
// added up in a fixed order: the result does not depend on the number of threads.
#pragma once
#include "base/threads.h"
#include "kernels/adamw.h"
#include "train/parameters.h"

namespace quire {

struct OptimizerOptions {
  double beta1 = 0.9, beta2 = 0.95, eps = 1e-8;
  double weight_decay = 0.1;
  double clip = 1.0;  // largest global norm; 0: no clipping
};

class Optimizer {
 public:
  Optimizer(const ParameterSet& parameters, ThreadPool& pool, const OptimizerOptions& options);

  // The global norm of gradient_scale times the gradients.
  double gradient_norm(double gradient_scale);
  // Changes weights and moments, and sets the gradients to zero. `norm` is what gradient_norm()
  // said, `step` 1 at the first step.
  void step(double rate, double gradient_scale, double norm, int64_t step);

  OptimizerOptions& options() { return options_; }

 private:
  struct Range {
    int64_t offset, n;
    bool decays;
  };
  const ParameterSet* parameters_;
  ThreadPool* pool_;
  OptimizerOptions options_;
  std::vector<Range> ranges_;
  std::vector<double> partial_;
};

}  // namespace quire
