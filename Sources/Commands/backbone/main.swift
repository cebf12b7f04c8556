import CommandSupport

BackboneCommand.main()
