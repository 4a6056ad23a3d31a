-- Tables and functions of tenants; its GRANTs stand at its end.
SELECT 1;
