import Figures
import Stage0Input
import Tensors

extension TargetsDrawing {
  /// The sampled RoIs over the image, class by class.
  var roisFigure: Figure {
    let title = "Sampled RoIs: what each is to become"
    let labels = Set(rois.labels).sorted()
    guard !labels.isEmpty else {
      return Figure(title, caption: "There are no RoIs.") {
        backdrop.view("No RoIs", [], side: 512)
      }
    }
    let threshold = Numerals.short(options.rois.positiveThreshold)
    let objects = rois.candidates.count - truth.boxes.count
    let own = rois.sampled.count { $0 >= objects }
    let shown = Array(labels.prefix(6))
    return Figure(
      title,
      caption: "\(rois.sampled.count) of \(rois.candidates.count) candidates (\(objects) proposals "
        + "and the \(truth.boxes.count) objects' own boxes) are sampled. From IoU \(threshold) a RoI "
        + "has the class of the object that it overlaps most, else it is background: "
        + "\(rois.positives.count) and \(rois.sampled.count - rois.positives.count) here. "
        + "\(own) of them are an object's own box, for which there is nothing to move."
        + (labels.count > shown.count
          ? " \(labels.count - shown.count) classes are not shown." : ""),
      columns: 2,
      legend: [LegendEntry("object", .yellow, .dashed)]
    ) {
      for label in shown { classView(label) }
    }
  }

  private func classView(_ label: Int) -> ImageView {
    let members = rois.sampled.indices.filter { rois.labels[$0] == label }
    let colour = label == 0 ? Colour.blue : label == 1 ? .green : Palette.instance(label)
    let drawn = spread(members.map { rois.candidates[rois.sampled[$0]] })
    let overlaps = members.map { rois.matches[rois.sampled[$0]].overlap }
    let range =
      "IoU \(Numerals.short(overlaps.min() ?? 0, digits: 3)) to "
      + Numerals.short(overlaps.max() ?? 0, digits: 3)
    return backdrop.view(
      "\(classNames.shown(label)): \(members.count) RoIs, \(range)",
      [
        .boxes(truth.boxes, Stroke(.yellow, thickness: 0.75, dashed: true)),
        .boxes(drawn, Stroke(colour, thickness: 1.25)),
      ], side: 560)
  }

  /// Some positive RoIs: the image in the box beside the target.
  var masksFigure: Figure {
    let title = "Mask targets: what the mask head is to draw"
    guard !rois.positives.isEmpty else {
      return Figure(title, caption: "No RoI is positive, so there is no mask to learn.") {
        backdrop.view("No positive RoIs", [], side: 512)
      }
    }
    let side = rois.masks.shape[1]
    let order = rois.positives.indices.sorted { overlap($0) < overlap($1) }
    let shown = spread(order, most: 8)
    return Figure(
      title,
      caption:
        "\(shown.count) of \(rois.positives.count) positive RoIs by ascending IoU with their "
        + "object. Left the image in the RoI, stretched to a square and brightened, with the "
        + "target's contour; right the object's mask, cropped to the RoI and brought to \(side) × "
        + "\(side) bins by RoIAlign. What lies outside the RoI cannot be asked for.",
      columns: 4, sharing: .share, units: "share inside"
    ) {
      for place in shown {
        crop(place)
        target(place)
      }
    }
  }

  private func overlap(_ place: Int) -> Float {
    rois.matches[rois.sampled[rois.positives[place]]].overlap
  }

  private func crop(_ place: Int) -> ImageView {
    backdrop.crop(
      rois.maskBoxes[place],
      "RoI \(rois.positives[place]), IoU \(Numerals.short(overlap(place), digits: 2))",
      [.mask(rois.masks.slice(place), at: Box(0, 0, 196, 196), .orange, opacity: 0)], side: 196)
  }

  private func target(_ place: Int) -> Heatmap {
    var map = Heatmap(
      rois.masks.slice(place), "Target, object \(rois.truths[place])", scale: .share)
    map.zoom = 196 / Float(rois.masks.shape[1])
    map.showsAxes = false
    map.showsSummary = false
    return map
  }
}
