import Annotations
import Figures
import Tensors

/// Images with what a detector does wrong in them, most errors first.
public struct WorstImages {
  /// One image.
  public struct Item: Sendable {
    /// The image with its objects.
    public let image: AnnotatedImage
    /// Its detections.
    public let results: [ResultObject]
    /// What is wrong.
    public let errors: ImageErrors
    /// Its pixels, `[3, H, W]`; nil where nobody has them.
    public let pixels: Tensor?

    /// Makes an item.
    public init(
      _ image: AnnotatedImage, _ results: [ResultObject], _ errors: ImageErrors, pixels: Tensor?
    ) {
      (self.image, self.results, self.errors, self.pixels) = (image, results, errors, pixels)
    }
  }

  private let items: [Item]
  private let names: [Int: String]

  /// Takes the images that are drawn, most errors first.
  ///
  /// - Parameter classes: of the data set
  public init(_ items: [Item], classes: [AnnotatedClass]) {
    self.items = items
    names = Dictionary(classes.map { ($0.id, $0.name) }, uniquingKeysWith: { first, _ in first })
  }

  private static let missed = Colour.red
  private static let unfounded = Colour.orange
  private static let confused = Colour(124, 58, 190)
  private static let badlyMasked = Colour.blue

  /// A sheet of the images.
  public var figure: Figure {
    Figure(
      "The \(items.count) images with the most errors",
      caption:
        "Detections with a score of at least 0.5 are matched with objects at an IoU of at least "
        + "0.5, whatever their classes. A badly masked object has its class and an IoU of the "
        + "masks below 0.75: blue is the detected mask, the dashed box is the object's.",
      columns: 3,
      legend: [
        LegendEntry("missed object", Self.missed),
        LegendEntry("detection without an object", Self.unfounded),
        LegendEntry("detected as another class", Self.confused),
        LegendEntry("badly masked", Self.badlyMasked),
      ]
    ) {
      for item in items { view(item) }
    }
  }

  private func view(_ item: Item) -> ImageView {
    let errors = item.errors
    var layers: [Layer] = []
    for place in errors.missed { layers += drawn(item.image.objects[place], Self.missed) }
    for place in errors.unfounded { layers += drawn(item.results[place], Self.unfounded) }
    for pair in errors.confused { layers += drawn(item.results[pair.detection], Self.confused) }
    for pair in errors.badlyMasked() {
      layers += drawn(item.results[pair.detection], Self.badlyMasked)
      layers.append(
        .box(
          item.image.objects[pair.object].box,
          Stroke(Self.badlyMasked, thickness: 1, dashed: true)))
    }
    for pair in errors.confused {
      let (object, result) = (item.image.objects[pair.object], item.results[pair.detection])
      let box = result.bounds.box
      layers.append(
        .note(
          "\(name(object.label)) as \(name(result.label))",
          at: Point((box.x1 + box.x2) / 2, box.y1), Self.confused))
    }
    let blank = Tensor([3, item.image.height, item.image.width], repeating: 0.85)
    var view = ImageView(
      item.pixels ?? blank,
      "\(item.image.file): \(errors.missed.count) missed, \(errors.unfounded.count) false, "
        + "\(errors.confused.count) confused, \(errors.badlyMasked().count) badly masked",
      layers: layers)
    view.axisUnit = "image pixels"
    view.longestSide = 380
    return view
  }

  private func name(_ label: Int) -> String { names[label] ?? "class \(label)" }

  private func drawn(_ object: TruthObject, _ colour: Colour) -> [Layer] {
    layers(object.mask, object.bounds, colour)
  }

  private func drawn(_ result: ResultObject, _ colour: Colour) -> [Layer] {
    layers(result.mask, result.bounds, colour)
  }

  private func layers(
    _ mask: RunLengthEncoding?, _ bounds: COCOBox, _ colour: Colour
  ) -> [Layer] {
    guard let mask, mask.area > 0 else { return [.box(bounds.box, Stroke(colour))] }
    let region = mask.region
    let window = region.window
    let values = region.isInside.map { Float($0 ? 1 : 0) }
    return [
      .mask(
        Tensor([window.height, window.width], values), at: COCOBox(window).box, colour,
        opacity: 0.45)
    ]
  }
}
