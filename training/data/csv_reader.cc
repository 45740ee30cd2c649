#include "training/data/csv_reader.h"

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "base/status_macros.h"

namespace flowgrad {
namespace {

constexpr int64_t kBufferBytes = 256 << 10;
constexpr size_t kMostRowBytes = 16 << 20;
constexpr size_t kMostCells = 1 << 16;
constexpr absl::string_view kByteOrderMark = "\xef\xbb\xbf";

}  // namespace

CsvReader::CsvReader(ByteStream stream, char separator)
    : stream_(std::move(stream)), separator_(separator), buffer_(kBufferBytes) {}

absl::Status CsvReader::RowError(absl::string_view message) const {
  return absl::InvalidArgumentError(absl::StrCat(PathText(path()), ":", row_line_, ": ", message));
}

absl::Status CsvReader::CellError(absl::string_view message) const {
  return RowError(absl::StrCat("cell ", ends_.size() + 1, " ", message));
}

// False at the end of the file.
absl::StatusOr<bool> CsvReader::Refill() {
  next_ = end_ = 0;
  const int64_t wanted = began_ ? 1 : kByteOrderMark.size();
  while (end_ < wanted) {
    ASSIGN_OR_RETURN(const int64_t count, stream_.Read(buffer_.data() + end_, kBufferBytes - end_));
    if (count == 0) break;
    end_ += count;
  }
  const absl::string_view read(buffer_.data(), end_);
  if (!began_ && absl::StartsWith(read, kByteOrderMark)) next_ = kByteOrderMark.size();
  began_ = true;
  return next_ < end_;
}

void CsvReader::EndCell() {
  ends_.push_back(text_.size());
  place_ = Place::kCellBegin;
}

void CsvReader::EndRow() {
  const size_t begin = ends_.empty() ? 0 : ends_.back();
  const bool is_plain = place_ == Place::kPlain;
  if (is_plain && text_.size() > begin && text_.back() == '\r') text_.pop_back();
  if (place_ == Place::kCellBegin) quoted_ = false;
  row_ended_ = !ends_.empty() || !text_.empty() || quoted_;  // else the line is empty
  EndCell();
}

absl::Status CsvReader::Take(char c) {
  switch (place_) {
    case Place::kCellBegin:
      quoted_ = c == '"';
      if (quoted_) {
        place_ = Place::kQuoted;
        return absl::OkStatus();
      }
      place_ = Place::kPlain;
      [[fallthrough]];
    case Place::kPlain:
      if (c == separator_) {
        EndCell();
      } else if (c == '\n') {
        EndRow();
      } else if (c == '"') {
        return CellError("has a quote inside; put the cell in quotes and double the one inside");
      } else {
        text_ += c;
      }
      return absl::OkStatus();
    case Place::kQuoted:
      if (c == '"') {
        place_ = Place::kQuoteInQuotes;
      } else {
        text_ += c;
      }
      return absl::OkStatus();
    case Place::kQuoteInQuotes:
      if (c == '"') {
        text_ += c;
        place_ = Place::kQuoted;
        return absl::OkStatus();
      }
      if (c == '\r') {
        place_ = Place::kReturnAfterQuotes;
        return absl::OkStatus();
      }
      [[fallthrough]];
    case Place::kReturnAfterQuotes:
      break;
  }
  if (c == '\n') {
    EndRow();
  } else if (c == separator_ && place_ == Place::kQuoteInQuotes) {
    EndCell();
  } else {
    return CellError("has text after the quote that ends it");
  }
  return absl::OkStatus();
}

absl::StatusOr<bool> CsvReader::NextRow() {
  text_.clear();
  ends_.clear();
  row_ended_ = false;
  row_line_ = line_;
  while (!row_ended_) {
    if (next_ == end_) {
      ASSIGN_OR_RETURN(const bool more, Refill());
      if (!more) break;
    }
    const char c = buffer_[next_++];
    RETURN_IF_ERROR(Take(c));
    if (c == '\n') ++line_;
    if (c == '\n' && !row_ended_ && place_ == Place::kCellBegin) {
      ends_.clear();  // of an empty line
      row_line_ = line_;
    }
    if (text_.size() > kMostRowBytes || ends_.size() > kMostCells) {
      return RowError(absl::StrCat("must have at most ", kMostCells, " cells and ", kMostRowBytes,
                                   " bytes, but has more; is a quote not closed?"));
    }
  }
  if (!row_ended_) {
    if (place_ == Place::kQuoted) return CellError("begins with a quote that nothing closes");
    const bool nothing = place_ == Place::kCellBegin && ends_.empty();
    if (!nothing) EndRow();
    if (!row_ended_) return false;
  }
  cells_.clear();
  size_t begin = 0;
  for (const size_t end : ends_) {
    cells_.push_back(absl::string_view(text_).substr(begin, end - begin));
    begin = end;
  }
  return true;
}

}  // namespace flowgrad
