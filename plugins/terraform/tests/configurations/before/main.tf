terraform {
  required_version = ">= 1.4"

  backend "local" {}
}

variable "password" {
  type      = string
  sensitive = true
}

variable "token" {
  description = "A secret that nobody declared to be one."
  type        = string
}

variable "size" {
  type    = number
  default = 1
}

variable "tags" {
  type    = map(string)
  default = {}
}

locals {
  services = {
    web    = ["80", "443"]
    worker = []
  }
}

resource "terraform_data" "network" {
  input            = { cidr = "10.0.0.0/16", zones = ["a", "b", "c"] }
  triggers_replace = ["v1"]
}

resource "terraform_data" "login" {
  input = { user = "admin", password = var.password, token = var.token }
}

resource "terraform_data" "script" {
  input = <<-EOT
    #!/bin/sh
    set -e
    echo one
    echo two
    echo three
  EOT
}

resource "terraform_data" "policy" {
  input = jsonencode({ Version = "2012-10-17", Statement = [{ Effect = "Allow", Action = ["read"] }] })
}

resource "terraform_data" "follower" {
  input = "follows"

  lifecycle {
    replace_triggered_by = [terraform_data.network]
  }
}

resource "terraform_data" "old_name" {
  input = "keeps"
}

resource "terraform_data" "going" {
  input = "goes"
}

module "service" {
  source   = "./modules/service"
  for_each = local.services

  name  = each.key
  ports = each.value
}

check "sizes" {
  assert {
    condition     = var.size > 1
    error_message = "The size is ${var.size}, `which` is <b>small</b>."
  }
}

output "network" {
  value = terraform_data.network.id
}

output "cidr" {
  value = terraform_data.network.input.cidr
}

output "password" {
  value     = var.password
  sensitive = true
}

output "tags" {
  value = var.tags
}
