// A JSON schema (draft 2020-12) as a grammar of the JSON texts that satisfy it.
//
// Every text of the grammar satisfies the schema. The other way round some are left out, so that a
// grammar can be written and an answer ends: members come in the order of `properties`, names that
// are not among them only where `additionalProperties` says so, numbers have a bounded length.
// docs/structured-output.md has the whole list of what is honoured, and what is refused.
#pragma once
#include "base/result.h"
#include "grammar/grammar.h"

#include <memory>
#include <string_view>

namespace quire {

// Adds the rules of the schema and returns the expression of its values. bad_format for a schema
// that is none, unsupported for what cannot be enforced, limit; the text says where in the schema.
Result<ExpressionId> json_schema_expression(Grammar& grammar, std::string_view schema,
                                            std::string_view name);

}  // namespace quire
