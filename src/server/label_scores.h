// Scores of labels, as SGLang's /v1/score has them: how likely a model that writes thinks each of
// some tokens to be the next one behind a query and an item.
#pragma once
#include "server/app.h"

namespace quire::server {

// {"query", "items", "label_token_ids", "apply_softmax", "item_first"}; query and items are texts
// or tokens. apply_softmax: the labels are all there is, their scores sum to one.
ApiResult<void> answer_label_scores(App& app, Exchange& exchange, const Json& body);

}  // namespace quire::server
