// The page of a model, in HTML: its graph beside its backward graph, to look around in.

#ifndef FLOWGRAD_TOOLS_HTML_PAGE_H_
#define FLOWGRAD_TOOLS_HTML_PAGE_H_

#include <string>

#include "absl/status/status.h"
#include "tools/model_view.h"

namespace flowgrad {

// One file that needs no other and no network. `not_differentiated`: why the view has no backward
// graph although nobody tried to make one. Whatever stands in the model is data to the page: its
// texts are in one block of JSON that holds no "<", and reach the screen as text only. The same
// model gives the same page, to the byte.
std::string HtmlPage(const Model& model, const ModelView& view,
                     const absl::Status& not_differentiated);

}  // namespace flowgrad

#endif  // FLOWGRAD_TOOLS_HTML_PAGE_H_
