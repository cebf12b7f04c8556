import CommandSupport

MaskRCNNCommand.main()
