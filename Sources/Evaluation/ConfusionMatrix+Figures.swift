import Figures
import Tensors

extension ConfusionMatrix {
  /// Up to so many classes are drawn, those with the most objects and detections.
  private static let mostClasses = 20

  /// A row for every true class, a column for every detected one.
  public var figure: Figure {
    let none = classes.count
    func uses(_ place: Int) -> Int {
      (0...none).reduce(0) { $0 + self[place, $1] + self[$1, place] }
    }
    let drawn = classes.indices.sorted { (uses($0), $1) > (uses($1), $0) }
      .prefix(Self.mostClasses).sorted()
    let places = drawn + [none]
    let shares = places.map { row in
      let sum = (0...none).reduce(0) { $0 + self[row, $1] }
      return places.map { Float(self[row, $0]) / Float(max(sum, 1)) }
    }
    let names = drawn.map { classes[$0].name }
    let left = classes.count - drawn.count
    return Figure(
      "Which class is detected as which",
      caption:
        "A row is a true class, a column the class of the detection that covers the object: "
        + "detections with a score of at least 0.5, each with the object that it overlaps most, at "
        + "an IoU of at least 0.5. The number is a count; the colour its share of the row. Last "
        + "column: objects without a detection. Last row: detections without an object. Look for: "
        + "bright cells off the diagonal."
        + (left > 0 ? " \(left) classes with fewer objects are not drawn." : "")
    ) {
      HeatTable(
        Tensor([places.count, places.count], shares.flatMap(\.self)), "",
        rows: names + ["no object"], columns: names + ["not detected"], scale: .share,
        texts: places.map { row in places.map { String(self[row, $0]) } })
    }
  }
}
