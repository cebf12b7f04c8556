import Foundation
import MaskRCNN

/// Shows a figure below the cell.
public func display(_ figure: Figure) { display(figure.draw(), figure.title) }

/// Shows a single panel of a figure: a heatmap, a chart, an image with layers.
public func display(_ panel: any Panel) { display(panel.draw()) }

/// Shows several panels in one figure, in rows.
public func display(_ panels: [any Panel], columns: Int? = nil) {
  display(Figure("", columns: columns) { panels })
}

/// Shows an image.
public func display(_ image: Image, _ title: String = "") { display(image.pixels, title) }

/// Shows a plane `[H, W]` as a heatmap, its colours centred on 0 where values are negative, and
/// three planes `[3, H, W]` as an image, red, green and blue from 0 to 1.
///
/// - Precondition: the tensor has one of these shapes
public func display(_ tensor: Tensor, _ title: String = "") {
  guard tensor.shape.rank == 2 else {
    precondition(
      tensor.shape.rank == 3 && tensor.shape[0] == 3,
      "a tensor \(tensor.shape) is neither a plane [H, W] nor an image [3, H, W]")
    var view = ImageView(tensor, title)
    view.axisUnit = "image pixels"
    display(view)
    return
  }
  let scale: ColourScale = tensor.statistics.minimum < 0 ? .diverging : .sequential
  display(Heatmap(tensor, title, scale: scale))
}

/// Shows pixels.
///
/// - Parameter title: what a reader gets who cannot see them
public func display(_ raster: Raster, _ title: String = "") {
  display(png: PNG.encode(raster), title)
}

/// Shows the bytes of a PNG file.
public func display(png bytes: [UInt8], _ title: String = "") {
  Channel.display([
    "image/png": Data(bytes).base64EncodedString(), "text/plain": title.isEmpty ? "figure" : title,
  ])
}

/// Shows rows of text under a header; what looks like a number is aligned to the right.
public func table(_ header: [String], _ rows: [[String]]) {
  func html(_ text: String) -> String {
    text.replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing(">", with: "&gt;")
  }
  func isNumber(_ text: String) -> Bool { Double(text.replacing("−", with: "-")) != nil }
  func line(_ cells: [String], _ tag: String) -> String {
    let cells = cells.map {
      "<\(tag) style=\"text-align: \(isNumber($0) ? "right" : "left")\">\(html($0))</\(tag)>"
    }
    return "<tr>\(cells.joined())</tr>"
  }
  let body = rows.map { line($0, "td") }.joined()
  let plain = ([header] + rows).map { $0.joined(separator: "  ") }.joined(separator: "\n")
  Channel.display([
    "text/html": "<table><thead>\(line(header, "th"))</thead><tbody>\(body)</tbody></table>",
    "text/plain": plain,
  ])
}

/// Shows the value of a cell's last expression: what can be looked at as a figure, a tensor by its
/// shape and range, anything else as `print` does, and `()` not at all.
public func show<Value>(_ value: Value) {
  switch value {
  case is Void: break
  case let figure as Figure: display(figure)
  case let panel as any Panel: display(panel)
  case let raster as Raster: display(raster)
  case let image as Image: display(image)
  case let tensor as Tensor: print(summary(tensor))
  default: print(value)
  }
}

/// `[64, 128, 128], −1.2 … 3.4, mean 0.1`
public func summary(_ tensor: Tensor) -> String {
  let numbers = tensor.statistics
  let range = [numbers.minimum, numbers.maximum].map { Numerals.short($0) }
  return "\(tensor.shape), \(range[0]) … \(range[1]), mean \(Numerals.short(numbers.mean))"
}
