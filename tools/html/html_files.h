// The parts of the page of a model, as they stand in this folder.

#ifndef FLOWGRAD_TOOLS_HTML_HTML_FILES_H_
#define FLOWGRAD_TOOLS_HTML_HTML_FILES_H_

namespace flowgrad::html {

extern const char kDocument[];  // with {{style}}, {{scripts}} and {{model}}
extern const char kStyle[];
extern const char kScripts[];

}  // namespace flowgrad::html

#endif  // FLOWGRAD_TOOLS_HTML_HTML_FILES_H_
