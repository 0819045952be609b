terraform {
  backend "local" {}
}

module "network" {
  source  = "../../modules/network"
  name    = "dev"
  subnets = 1
}

output "subnets" { value = module.network.names }
