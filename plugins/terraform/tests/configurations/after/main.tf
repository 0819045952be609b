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
    queue  = []
  }
}

resource "terraform_data" "network" {
  input            = { cidr = "10.0.0.0/16", zones = ["a", "x", "b", "c"] }
  triggers_replace = ["v2"]
}

resource "terraform_data" "login" {
  input = { user = "root", password = var.password, token = var.token }
}

resource "terraform_data" "script" {
  input = <<-EOT
    #!/bin/sh
    set -e
    echo one
    echo `two` ```
    echo </details>
    echo three
  EOT
}

resource "terraform_data" "policy" {
  input = jsonencode({ Version = "2012-10-17", Statement = [{ Effect = "Allow", Action = ["read", "write"] }] })
}

resource "terraform_data" "follower" {
  input = "follows"

  lifecycle {
    replace_triggered_by = [terraform_data.network]
  }
}

moved {
  from = terraform_data.old_name
  to   = terraform_data.new_name
}

resource "terraform_data" "new_name" {
  input = "keeps"
}

resource "terraform_data" "coming" {
  input = { text = "<script>alert(1)</script> | @everyone", hidden = "a\u202eb", long = join("", [for i in range(100) : "0123456789"]) }
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
