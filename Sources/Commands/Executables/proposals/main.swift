import Commands
import Stage3Proposals

StageCommand<ProposalsStage>.start()
