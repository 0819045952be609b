terraform {
  backend "local" {}
}

module "network" {
  source  = "../../modules/network"
  name    = "prod"
  subnets = 1
}

output "subnets" { value = module.network.names }
