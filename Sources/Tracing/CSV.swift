/// Text as a field of a CSV file: in quotation marks, each one inside doubled. RFC 4180, section 2.
///
/// By Unicode scalars: a mark that a combining character follows is a mark for whoever reads the file.
public func quotedCSV(_ text: String) -> String {
  var field = String.UnicodeScalarView("\"".unicodeScalars)
  for scalar in text.unicodeScalars {
    if scalar == "\"" { field.append(scalar) }
    field.append(scalar)
  }
  field.append("\"")
  return String(field)
}
