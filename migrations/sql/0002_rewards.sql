-- Tables and functions of rewards; its GRANTs stand at its end.
SELECT 1;
