extension Exhibit {
  /// Every candidate that stage 3 looked at, and what suppressed it.
  static let suppression = Exhibit(
    name: "suppression",
    uses: [
      "shared/scene", "suppression/nms", "suppression/candidates", "suppression/cluster",
      "shared/paged-list",
    ],
    stage: "3-proposals", title: "Non-maximum suppression",
    lead: """
      Choose a candidate in the image or in the list to see which better box suppressed it, by its \
      intersection over union (IoU), or which ones it suppressed. Then move the threshold.
      """
  ) { source, data in
    try CandidatesContent.gather(source, &data)
  }
}
